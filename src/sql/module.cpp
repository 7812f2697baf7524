// What the server needs to know about this library.
#include "pg/postgres.hpp"

#include "sql/module.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

static int work_share = 100;

void _PG_init(void) {
	DefineCustomIntVariable("ipam.work_share",
	                        "Share of the time that a provisioning or conversion session works.",
	                        "It rests for the remainder, so that others get their turn.", &work_share, 100, 1,
	                        100, PGC_USERSET, 0, nullptr, nullptr, nullptr);
	ipam::register_occupancy_callbacks();
	ipam::define_occupancy_settings();
}
