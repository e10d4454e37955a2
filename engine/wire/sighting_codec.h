// The records of the topic "sightings". See sighting.proto.
#ifndef SEKISHO_ENGINE_WIRE_SIGHTING_CODEC_H_
#define SEKISHO_ENGINE_WIRE_SIGHTING_CODEC_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/model/sighting.h"

namespace sekisho::wire {

// What decides the partition of `sightings`: the network's bytes, or the key's.
std::string SightingKey(const Sighting& sighting);
std::string EncodeSighting(const Sighting& sighting);

// InvalidArgument: not a Sighting, the message names the field. Unimplemented: of an entity or a kind that this version does
// not know.
absl::StatusOr<Sighting> DecodeSighting(std::string_view bytes);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_SIGHTING_CODEC_H_
