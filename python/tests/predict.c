/* Reads one spectrum from C: wavelengths and fluxes, a line each, on standard input. */
#include <specclip.h>
#include <stdio.h>
#include <string.h>

static int fail(char *message) {
    fprintf(stderr, "%s\n", message);
    specclip_free_text(message);
    return 1;
}

int main(int count, char **words) {
    static double wavelength[8192], flux[8192];
    int64_t pixels = 0;
    char options[4096], *message;
    specclip_object *model;
    specclip_tables *tables;
    if (count != 2 || specclip_abi() != specclip_abi_version) return 2;
    while (pixels < 8192 && scanf("%lf %lf", &wavelength[pixels], &flux[pixels]) == 2) pixels++;

    snprintf(options, sizeof options, "{\"path\": \"%s\", \"threads\": 1}", words[1]);
    if (specclip_make("reader", options, NULL, 0, &model, &message)) return fail(message);
    specclip_array arrays[] = {
        {wavelength, pixels, sizeof(double), specclip_float64},
        {flux, pixels, sizeof(double), specclip_float64},
    };
    specclip_argument arguments[] = {{"wavelength", &arrays[0], 1}, {"flux", &arrays[1], 1}};
    if (specclip_call(model, "predict", "{\"strict\": true}", arguments, 2, &tables, &message)) return fail(message);
    for (int64_t i = 0; i < specclip_column_count(tables); i++) {
        specclip_column column = specclip_column_at(tables, i);
        if (!strcmp(column.table, "rows") && column.kind == specclip_numbers && column.rows == 1)
            printf("%s %.17g %s\n", column.name, ((const double *)column.values)[0], column.unit);
    }
    specclip_free_tables(tables);
    specclip_free_object(model);
    return 0;
}
