// Opens the geo data a run works with.
#ifndef SEKISHO_ENGINE_APP_GEO_SETUP_H_
#define SEKISHO_ENGINE_APP_GEO_SETUP_H_

#include "absl/status/statusor.h"
#include "engine/app/commands.h"
#include "engine/geo/geo.h"

namespace sekisho::app {

// A file that was named must be good: its error is returned. Without a name, the database that comes with the program is
// taken; if it isn't there, every place is unknown, and a warning on standard error says what that costs.
absl::StatusOr<GeoSet> OpenGeo(const JudgementOptions& options);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_GEO_SETUP_H_
