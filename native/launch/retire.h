/*
 * The hook's retirement. overlayfs remembers with each inode that is in memory where it found the file's data, and
 * goes on using what it found at the hook. When everything has arrived, what nobody has open is made to forget: it is
 * then found among the contents, and an open of it needs nobody any more.
 */
#ifndef TEES_RETIRE_H
#define TEES_RETIRE_H

#include <sys/types.h>

/*
 * Of the environment whose PID 1 this is. 0, or -1 with errno: then opens go on as before. What is open or mapped at
 * this moment keeps the data that it has, and stays with the hook for as long.
 */
int retire_hook(pid_t pid_one);

#endif
