#include "inner.h"

#include <stddef.h>

const char *const SUBMIT_PROGRAMS[] = {"srun", "sbatch", "salloc", "scancel", "squeue", "sinfo", "scontrol", "sacct", "sattach", "sbcast",
                                       "sstat", "scrontab", "qsub", "qstat", "qdel", "qalter", "qhold", "qrls", NULL};
