#pragma once
// What parts of the library want to be called when it is loaded.

namespace ipam {

void register_occupancy_callbacks();
void define_occupancy_settings();

} // namespace ipam
