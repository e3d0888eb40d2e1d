/* What the parts of the attacker share. */
#ifndef TEES_ATTACKER_H
#define TEES_ATTACKER_H

void gained(const char *what);
void try_socket(char **argv);
void try_forge(char **argv);
void try_claim(char **argv);

#endif
