// An Activity as bytes, so that it waits for its turn in the same store as lines do.
#ifndef SEKISHO_ENGINE_SIMULATE_ACTIVITY_H_
#define SEKISHO_ENGINE_SIMULATE_ACTIVITY_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/simulate/simulate.h"

namespace sekisho::simulate {

// Overwrites `bytes`. Names are cut after 65,535 bytes; `time` isn't packed: it is told when the activity is.
void PackActivity(const Activity& activity, std::string* bytes);

// What was packed by this process. The result's views lead into `bytes` and `recipients`.
Activity UnpackActivity(std::string_view bytes, std::vector<std::string_view>* recipients);

}  // namespace sekisho::simulate

#endif  // SEKISHO_ENGINE_SIMULATE_ACTIVITY_H_
