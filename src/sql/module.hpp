#pragma once
// What parts of the library want to be called when it is loaded, and by each other.

namespace ipam {

void register_occupancy_callbacks();
void forget_released_chunks();
void define_occupancy_settings();

} // namespace ipam
