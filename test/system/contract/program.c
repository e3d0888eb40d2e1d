/* A program of the layer: exits with its argument, or waits to be killed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "wait") == 0) {
    if (write(1, "x", 1) != 1) return 1;
    for (;;) pause();
  }
  return count > 1 ? atoi(arguments[1]) : 3;
}
