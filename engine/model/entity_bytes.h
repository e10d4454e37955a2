// The name of what is judged, as shards store it. The numbers are pinned, and older states hold the first two only.
#ifndef SEKISHO_ENGINE_MODEL_ENTITY_BYTES_H_
#define SEKISHO_ENGINE_MODEL_ENTITY_BYTES_H_

#include "engine/base/bytes.h"
#include "engine/model/sighting.h"

namespace sekisho {

void PutEntity(const Entity& entity, ByteWriter* out);
// Fails the reader if that is no name that PutEntity writes.
Entity TakeEntity(ByteReader* in);

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_ENTITY_BYTES_H_
