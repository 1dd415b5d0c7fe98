#ifndef GAIA_XP_TABLES_H
#define GAIA_XP_TABLES_H

#include <stddef.h>

/// Tables of a release, as `scripts/gaia_xp_tables.py` writes them.
typedef struct {
    const unsigned char *bytes;
    size_t count;
} GaiaXPTable;

/// Number of releases that are known.
size_t gaia_xp_table_count(void);

/// The tables of a release, from 0; empty beyond the last.
GaiaXPTable gaia_xp_table(size_t index);

/// Variances of sampled fluxes from errors and correlations of coefficients: diagonal of Eᵀ R E, E being the design matrix with
/// each row times its coefficient's error.
/// - design: [coefficients × samples], row by row.
/// - errors: one per coefficient.
/// - correlations: the upper triangle, as Gaia packs it: (0,1), (0,2), (1,2), (0,3), …; NULL where none are known.
/// - used: number of coefficients that count, from the first.
/// - work: room for coefficients × samples and as many samples.
/// - variances: one per sample.
void gaia_xp_variances(
    const float *design, const float *errors, const float *correlations, size_t used, size_t samples, float *work,
    float *variances);

#endif
