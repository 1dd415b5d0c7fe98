"""What goes wrong, and what is assumed."""


class SpecCLIPError(ValueError):
    """Something that was given cannot be used. The message is one line: what, what is wrong with it, what to do."""


class SpecCLIPWarning(UserWarning):
    """Something was assumed of spectra, or left out of them; what the command tells on standard error."""
