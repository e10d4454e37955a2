// What connectors tell, as the fold takes it.
#ifndef SEKISHO_ENGINE_APP_EVENT_MODEL_H_
#define SEKISHO_ENGINE_APP_EVENT_MODEL_H_

#include <optional>

#include "connectors/common/event.h"
#include "engine/geo/geo.h"
#include "engine/model/event.h"

namespace sekisho::app {

// Nothing: events of this kind aren't folded.
std::optional<EventKind> FoldedKind(connectors::Kind kind);

// Overwrites all of `to` but its list of recipients. `kind` is FoldedKind's of `from`, `where` what is known of its address.
// Account and host are views of what `from` views.
void ToModel(const connectors::Event& from, EventKind kind, const GeoInfo& where, Event* to);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_EVENT_MODEL_H_
