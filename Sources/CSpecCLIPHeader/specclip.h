#ifndef SPECCLIP_H
#define SPECCLIP_H

#include <stdint.h>

/*
 * swift-specclip as a C library: what the command `specclip` does with files, for arrays in memory.
 *
 * Things are made (a reader of stars from a model file, say), and asked by name: arrays and options go in, tables of named
 * columns come out. So a new column or a new question changes no function here. The names: `specclip_make` and
 * `specclip_call` below; docs/python.md has examples.
 *
 *   specclip_object *model; specclip_tables *tables; char *message;
 *   if (specclip_make("reader", "{\"path\": \"specclip-small.safetensors\"}", NULL, 0, &model, &message)) fail(message);
 *   if (specclip_call(model, "predict", "{}", arguments, 2, &tables, &message)) fail(message);
 *   for (int64_t i = 0; i < specclip_column_count(tables); i++) print(specclip_column_at(tables, i));
 *   specclip_free_tables(tables);
 *   specclip_free_object(model);
 *
 * Errors are values: a function that can fail returns 0, or what went wrong (`specclip_status`) with one line for people in
 * `*message`. Nothing is thrown, and nothing ends the process. Where a function fails, what it would have made is NULL.
 *
 * Memory: arguments stay the caller's and are not kept. What is handed out belongs to the caller, who gives it back with the
 * function that is named for it. Pointers within tables live as long as the tables.
 *
 * Threads: a reader may be asked by several threads at once. After fork() the child must not call what the parent has loaded:
 * Swift's threads do not survive it.
 */

#ifdef __cplusplus
extern "C" {
#endif

/* Of this page. A library that answers another number to `specclip_abi` was built from another page. */
enum { specclip_abi_version = 1 };

int32_t specclip_abi(void);

/* JSON: {"specclip": "0.1.0", "libtorch": "2.11.0", "capability": "AVX2", "threads": 8}. Give it back with `specclip_free_text`. */
char *specclip_version(void);

enum specclip_status {
    specclip_ok = 0,
    /* What was given, or asked for, cannot be used: the message names it, what is wrong, and the remedy. */
    specclip_bad_input = 1,
    /* `specclip_interrupt` was called meanwhile. */
    specclip_interrupted = 2,
};

enum specclip_type {
    specclip_float32 = 0,
    specclip_float64 = 1,
    specclip_int32 = 2,
    specclip_int64 = 3,
    /* One byte, 0 or not. */
    specclip_bool = 4,
    /* UTF-8, ended by a zero byte: each value is a `const char *`. */
    specclip_text = 5,
};

/* Values in the caller's memory, in this machine's byte order. */
typedef struct {
    const void *values;
    int64_t count;
    /* Bytes from one value to the next; may be negative, or 0 for one value that stands for all. Any alignment will do. */
    int64_t stride;
    enum specclip_type type;
} specclip_array;

/* An argument by its name: one array, or as many as there are stars. */
typedef struct {
    const char *name;
    const specclip_array *arrays;
    int64_t count;
} specclip_argument;

enum specclip_kind {
    /* int64_t */
    specclip_integers = 0,
    /* double; NaN where nothing is known. */
    specclip_numbers = 1,
    /* float, `width` of them a row. */
    specclip_vectors = 2,
    /* UTF-8 of all rows without anything between; `ends` has where the text of each row ends. */
    specclip_texts = 3,
};

/* A column of a table. */
typedef struct {
    /* Of the table that it belongs to: "rows", and what else there is. */
    const char *table;
    const char *name;
    /* Unit as FITS writes it: K, dex, km/s, Angstrom; may be empty. */
    const char *unit;
    /* What it means, may be empty. */
    const char *meaning;
    enum specclip_kind kind;
    int64_t rows;
    /* Numbers of a vector; else 1. */
    int64_t width;
    /* Digits after the decimal point that mean something; -1 where all do. */
    int32_t digits;
    const void *values;
    const int64_t *ends;
} specclip_column;

typedef struct specclip_object specclip_object;
typedef struct specclip_tables specclip_tables;

/*
 * Makes something. Options are a JSON object; one that is not known is an error.
 *
 *   "reader"      reads stars. Options: path (of a model), draws, width, scale, threads (of the whole process).
 *   "adaptation"  teaches a model labels of the caller's own. Arguments: labels (an array each, a value a star), errors (the
 *                 same), group (texts: stars that are not to be parted). Options: path (of the model), labels and units (names and
 *                 units of the arrays), name, scale, folds, seed, methods, catalogue, folder (to work in).
 *   "bottleneck"  an information-ordered bottleneck. Arguments: x, an array a row. Options: configuration (JSON, as
 *                 `specclip iob train --config` has it), folder (for checkpoints). Without x: path, of a file.
 *   "flow"        a posterior from simulations. Arguments: theta, x, errors, an array a row. Options: configuration (as of `specclip
 *                 npe train --config`), names, members, folder. Without x: path, of a file.
 */
int32_t specclip_make(
    const char *kind, const char *options, const specclip_argument *arguments, int64_t count, specclip_object **object,
    char **message);

/*
 * Asks something. The answer is in the table "rows".
 *
 * About spectra the arguments are: wavelength and flux, an array a star (one of wavelengths may be for all); what is known of
 * ivar or error, and mask (true where bad), likewise; and, in one array with a value a star, source_id (texts), snr, ra, dec,
 * resolution. Options: instrument, air, wavelength_unit (Angstrom where it is not given), flux_unit, rv (km/s, removed first),
 * normalised, first (the number of the first star, for messages), strict (the first spectrum that is of no use fails the call;
 * else it is told in the table "failures": star, message). What was assumed or left out stands in the table "notes": star, note.
 * The column `star` of "rows" has the number of the spectrum, from 0.
 *
 * A reader answers
 *   "predict"     labels with errors and flags, a row a star. Options: together, rv_floor.
 *   "posterior"   samples of the joint posterior, a vector a label.
 *   "embed"       embeddings.
 *   "translate"   spectra as another instrument would take them. Options: to, samples, given ({"teff": 5800}).
 *   "search"      stars that look alike, a row each. Options: top, among, exclude_self.
 *   "outliers"    p-values; "rates" turns the array p of all of them into false-discovery rates q.
 *   "facts"       without spectra: tables "instruments", "labels", "flags", "embedding". "grid": wavelengths of an `instrument`.
 * An adaptation answers
 *   "add"         takes spectra in; their numbers, with `first`, are places in the arrays of labels.
 *   "fit"         learns. Options: output (file of the new model), alone. What was tried and chosen, a row a label.
 * A bottleneck answers
 *   "compress"    codes of x. Options: width. "decompress": rows that `code` stands for.
 *   "dimension"   a report as JSON on rows x. Options: noise.
 *   "facts", "write" (option path).
 * A flow answers
 *   "sample"      of each row of x `samples` draws below each other. Options: samples, seed.
 *   "density"     log densities of theta given x, in nats.
 *   "facts", "write" (option path).
 */
int32_t specclip_call(
    specclip_object *object, const char *question, const char *options, const specclip_argument *arguments, int64_t count,
    specclip_tables **tables, char **message);

/* Asks all that is being learned in this process to stop (1), until that is taken back (0). May be called by any thread. */
void specclip_interrupt(int32_t is_asked);

int64_t specclip_column_count(const specclip_tables *tables);
/* Column 0, 1, …; one of zeros beyond the last. */
specclip_column specclip_column_at(const specclip_tables *tables, int64_t index);

void specclip_free_object(specclip_object *object);
void specclip_free_tables(specclip_tables *tables);
void specclip_free_text(char *text);

#ifdef __cplusplus
}
#endif

#endif
