// What this target offers is declared in CParquet.h, which does not need it.
