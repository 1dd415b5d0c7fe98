#include "GaiaXPTables.h"

// Releases, one line each.
static const unsigned char dr3[] = {
#embed "tables/dr3.bin"
};

static const GaiaXPTable tables[] = {{dr3, sizeof dr3}};

size_t gaia_xp_table_count(void) { return sizeof tables / sizeof tables[0]; }

GaiaXPTable gaia_xp_table(size_t index) {
    GaiaXPTable none = {0, 0};
    return index < gaia_xp_table_count() ? tables[index] : none;
}

void gaia_xp_variances(
    const float *restrict design, const float *restrict errors, const float *restrict correlations, size_t used,
    size_t samples, float *restrict work, float *restrict variances) {
    float *restrict scaled = work;
    float *restrict sum = work + used * samples;
    for (size_t j = 0; j < samples; j++) variances[j] = 0;
    for (size_t a = 0; a < used; a++) {
        float *restrict own = scaled + a * samples;
        for (size_t j = 0; j < samples; j++) own[j] = errors[a] * design[a * samples + j];
        // The part of row a below the diagonal counts twice.
        for (size_t j = 0; j < samples; j++) sum[j] = 0;
        if (correlations) {
            const float *row = correlations + a * (a - (a > 0)) / 2;
            for (size_t b = 0; b < a; b++) {
                float r = row[b];
                const float *restrict other = scaled + b * samples;
                for (size_t j = 0; j < samples; j++) sum[j] += r * other[j];
            }
        }
        for (size_t j = 0; j < samples; j++) variances[j] += own[j] * (own[j] + 2 * sum[j]);
    }
}
