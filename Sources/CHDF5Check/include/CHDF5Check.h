#ifndef CHDF5CHECK_H
#define CHDF5CHECK_H

/* What became of a file that was read to its end. */
enum chdf5_end {
    /* The library read it, or refused it in good order. */
    chdf5_survived,
    /* The library crashed, hung or wanted more memory than it may have. */
    chdf5_died,
    /* There was no process to try it in. */
    chdf5_untried,
};

/*
 Reads the whole of an HDF5 file in a process of its own, a copy of this one: libhdf5 (1.10) believes much of what a damaged file
 says, and crashes on it.

 - path: of the file.
 - seconds: of work, after which it hangs.
 - memory: bytes that it may take beyond those of this process.
 */
enum chdf5_end chdf5_check(const char *path, unsigned seconds, unsigned long memory);

#endif
