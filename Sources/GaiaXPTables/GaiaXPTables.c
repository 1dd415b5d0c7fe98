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

// Samples whose sums stay in registers while all coefficients pass by.
enum { block = 64 };

// Compiled three times where the loader can take what the processor has.
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

FOR_EACH_PROCESSOR
void gaia_xp_flux(
    const double *restrict design, const double *restrict coefficients, size_t used, size_t samples,
    double *restrict flux) {
    for (size_t j = 0; j < samples; j++) flux[j] = 0;
    for (size_t a = 0; a < used; a++)
        for (size_t j = 0; j < samples; j++) flux[j] += coefficients[a] * design[a * samples + j];
}

size_t gaia_xp_work(size_t used) { return (used + 1) * block; }

FOR_EACH_PROCESSOR
void gaia_xp_variances(
    const float *restrict design, const float *restrict errors, const float *restrict correlations, size_t used,
    size_t samples, float *restrict work, float *restrict variances, float *restrict halves) {
    for (size_t first = 0; first < samples; first += block) {
        size_t width = samples - first < block ? samples - first : block;
        // A last row of zeros makes a pair where there is an odd number of them.
        for (size_t a = 0; a <= used; a++)
            for (size_t j = 0; j < block; j++)
                work[a * block + j] = a < used && j < width ? errors[a] * design[a * samples + first + j] : 0;
        float sums[block] = {0};
        for (size_t a = 0; a < used; a += 2) {
            // Two rows at once share what they load. What stands left of the diagonal counts twice, and half of the diagonal.
            const float *one = work + a * block, *two = one + block;
            float half[block], other_half[block];
            for (size_t j = 0; j < block; j++) half[j] = 0.5f * one[j];
            for (size_t j = 0; j < block; j++) other_half[j] = 0.5f * two[j];
            if (correlations) {
                const float *row = correlations + a * (a - (a > 0)) / 2;
                const float *next = a + 1 < used ? row + a : row;
                for (size_t b = 0; b < a; b++) {
                    float r = row[b], s = next[b];
                    const float *restrict other = work + b * block;
                    for (size_t j = 0; j < block; j++) {
                        half[j] += r * other[j];
                        other_half[j] += s * other[j];
                    }
                }
                if (a + 1 < used)
                    for (size_t j = 0; j < block; j++) other_half[j] += next[a] * one[j];
            }
            for (size_t j = 0; j < block; j++) sums[j] += one[j] * half[j] + two[j] * other_half[j];
            if (!halves) continue;
            for (size_t j = 0; j < width; j++) halves[a * samples + first + j] = half[j];
            for (size_t j = 0; j < width && a + 1 < used; j++) halves[(a + 1) * samples + first + j] = other_half[j];
        }
        for (size_t j = 0; j < width; j++) variances[first + j] = 2 * sums[j];
    }
}

FOR_EACH_PROCESSOR
void gaia_xp_covariance(
    const float *restrict design, const float *restrict errors, const float *restrict halves, size_t used,
    size_t samples, float *restrict covariance) {
    for (size_t i = 0; i < samples * samples; i++) covariance[i] = 0;
    for (size_t a = 0; a < used; a++)
        for (size_t i = 0; i < samples; i++) {
            float own = errors[a] * design[a * samples + i];
            for (size_t j = 0; j < samples; j++) covariance[i * samples + j] += own * halves[a * samples + j];
        }
    for (size_t i = 0; i < samples; i++)
        for (size_t j = 0; j <= i; j++) {
            float sum = covariance[i * samples + j] + covariance[j * samples + i];
            covariance[i * samples + j] = covariance[j * samples + i] = sum;
        }
}
