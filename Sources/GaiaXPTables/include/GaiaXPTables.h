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

/// Fluxes of samples: Dᵀ c.
/// - design: D, [coefficients × samples], row by row.
/// - coefficients: one each.
/// - used: number of coefficients that count, from the first.
/// - flux: one per sample.
void gaia_xp_flux(
    const double *design, const double *coefficients, size_t used, size_t samples, double *flux);

/// Numbers that `gaia_xp_variances` needs room for.
size_t gaia_xp_work(size_t used);

/// Variances of sampled fluxes from errors and correlations of coefficients: the diagonal of Eᵀ R E, E being the design matrix
/// with each row times its coefficient's error.
/// - design: [coefficients × samples], row by row.
/// - errors: one per coefficient.
/// - correlations: the upper triangle, as Gaia packs it: (0,1), (0,2), (1,2), (0,3), …; NULL where none are known.
/// - used: number of coefficients that count, from the first.
/// - work: room for `gaia_xp_work(used)` numbers.
/// - variances: one per sample.
/// - halves: L E with R = L + Lᵀ, [used × samples]; NULL where they are not wanted.
void gaia_xp_variances(
    const float *design, const float *errors, const float *correlations, size_t used, size_t samples, float *work,
    float *variances, float *halves);

/// The whole of Eᵀ R E, [samples × samples], from what `gaia_xp_variances` left in `halves`.
void gaia_xp_covariance(
    const float *design, const float *errors, const float *halves, size_t used, size_t samples, float *covariance);

#endif
