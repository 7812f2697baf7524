// What the server needs to know about this library.
#include "pg/postgres.hpp"

extern "C" {
PG_MODULE_MAGIC;
}
