#include "CHDF5Check.h"

#include <errno.h>
#include <hdf5.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Depth of groups, and bytes read at once. */
enum { deepest = 16, piece = 4 << 20 };

static herr_t attribute(hid_t object, const char *name, const H5A_info_t *info, void *unused) {
    (void)info, (void)unused;
    hid_t found = H5Aopen(object, name, H5P_DEFAULT);
    if (found < 0) return 0;
    hid_t type = H5Aget_type(found), space = H5Aget_space(found);
    hssize_t count = H5Sget_simple_extent_npoints(space);
    size_t size = H5Tget_size(type);
    if (count > 0 && size > 0 && (size_t)count <= (16u << 20) / size) {
        void *values = malloc((size_t)count * size);
        if (values && H5Aread(found, type, values) >= 0 && H5Tdetect_class(type, H5T_VLEN) > 0)
            H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
        if (values && H5Tis_variable_str(type) > 0) H5Dvlen_reclaim(type, space, H5P_DEFAULT, values);
        free(values);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(found);
    return 0;
}

static void data(hid_t set) {
    hid_t type = H5Dget_type(set), space = H5Dget_space(set);
    hsize_t shape[H5S_MAX_RANK], start[H5S_MAX_RANK] = {0}, counts[H5S_MAX_RANK];
    int rank = H5Sget_simple_extent_dims(space, shape, NULL);
    size_t row = H5Tget_size(type);
    for (int axis = 1; axis < rank; axis++) row *= shape[axis] > 0 && shape[axis] < piece ? (size_t)shape[axis] : 1;
    if (rank > 0 && row > 0 && row < 1u << 30) {
        hsize_t rows = piece / row > 0 ? piece / row : 1;
        void *values = malloc(rows * row);
        for (hsize_t first = 0; values && first < shape[0]; first += rows) {
            memcpy(counts, shape, sizeof counts);
            start[0] = first;
            counts[0] = shape[0] - first < rows ? shape[0] - first : rows;
            H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, counts, NULL);
            hid_t memory = H5Screate_simple(rank, counts, NULL);
            int is_read = H5Dread(set, type, memory, space, H5P_DEFAULT, values) >= 0;
            if (is_read) H5Dvlen_reclaim(type, memory, H5P_DEFAULT, values);
            H5Sclose(memory);
            if (!is_read) break;
        }
        free(values);
    }
    H5Sclose(space);
    H5Tclose(type);
}

static int lies_in_its_file(hid_t set) {
    hid_t list = H5Dget_create_plist(set);
    int is_own = H5Pget_external_count(list) == 0 && H5Pget_layout(list) != H5D_VIRTUAL;
    H5Pclose(list);
    return is_own;
}

static void group(hid_t parent, int depth) {
    H5G_info_t info;
    if (H5Gget_info(parent, &info) < 0) return;
    for (hsize_t index = 0; index < info.nlinks; index++) {
        char name[4096];
        if (H5Lget_name_by_idx(parent, ".", H5_INDEX_NAME, H5_ITER_INC, index, name, sizeof name, H5P_DEFAULT) < 0) continue;
        hid_t object = H5Oopen(parent, name, H5P_DEFAULT);
        if (object < 0) continue;
        hsize_t place = 0;
        H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, &place, attribute, NULL);
        H5I_type_t kind = H5Iget_type(object);
        if (kind == H5I_DATASET && lies_in_its_file(object)) data(object);
        if (kind == H5I_GROUP && depth < deepest) group(object, depth + 1);
        H5Oclose(object);
    }
}

/* Memory that was refused here would be taken elsewhere. */
static herr_t end_without_memory(unsigned number, const H5E_error2_t *error, void *unused) {
    (void)number, (void)unused;
    if (error->maj_num == H5E_RESOURCE && (error->min_num == H5E_NOSPACE || error->min_num == H5E_CANTALLOC)) _exit(1);
    return 0;
}

static herr_t on_error(hid_t stack, void *unused) {
    (void)unused;
    return H5Ewalk2(stack, H5E_WALK_UPWARD, end_without_memory, NULL);
}

static void read_all(const char *path) {
    H5Eset_auto2(H5E_DEFAULT, on_error, NULL);
    H5Lunregister(H5L_TYPE_EXTERNAL);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) return;
    hsize_t place = 0;
    H5Aiterate2(file, H5_INDEX_NAME, H5_ITER_INC, &place, attribute, NULL);
    group(file, 0);
    H5Fclose(file);
}

/* What this process has of addresses, bytes; 0 where the system does not tell. */
static unsigned long addresses(void) {
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
    return pages * (unsigned long)sysconf(_SC_PAGESIZE);
}

enum chdf5_end chdf5_check(const char *path, unsigned seconds, unsigned long memory) {
    unsigned long own = addresses();
    pid_t child = fork();
    if (child < 0) return chdf5_untried;
    if (child == 0) {
        // Nobody's handlers: a crash here is an answer.
        int ends[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGXCPU, SIGALRM, SIGTRAP, SIGINT, SIGTERM};
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) signal(ends[i], SIG_DFL);
        struct rlimit no_core = {0, 0}, limit = {own + memory, own + memory};
        setrlimit(RLIMIT_CORE, &no_core);
        if (own > 0) setrlimit(RLIMIT_AS, &limit);
        // The library prints what it thinks of some files, and glibc of overwritten memory.
        if (!freopen("/dev/null", "w", stderr)) close(STDERR_FILENO);
        // Of work, not of waiting for a slow disk.
        struct rlimit time = {seconds, seconds};
        setrlimit(RLIMIT_CPU, &time);
        // A lock that nobody will open takes no time of the processor.
        alarm(20 * seconds);
        read_all(path);
        _exit(0);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return chdf5_untried;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? chdf5_survived : chdf5_died;
}
