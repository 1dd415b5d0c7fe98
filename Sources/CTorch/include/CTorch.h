// C ABI over libtorch.
