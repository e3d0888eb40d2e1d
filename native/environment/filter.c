#include "filter.h"

#include "../launch/filter.h"
#include "message.h"
#include "settings.h"

void filter_inside(bool spares_users) {
  if (!is_weak(WEAK_FILTER) && filter_install(0, spares_users) < 0) fail("install the system call filter", "");
}
