/* What the pair keeps of root's rights, whatever it executes from then on. */
#ifndef TEES_SERVE_PRIVILEGES_H
#define TEES_SERVE_PRIVILEGES_H

/* 0, or -1 with errno. */
int privileges_drop(void);

#endif
