// The name of what is judged, as shards store it. The numbers are pinned, and older states hold the first two only.
#ifndef SEKISHO_ENGINE_MODEL_ENTITY_BYTES_H_
#define SEKISHO_ENGINE_MODEL_ENTITY_BYTES_H_

#include <algorithm>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/model/sighting.h"

namespace sekisho {

void PutEntity(const Entity& entity, ByteWriter* out);
// Fails the reader if that is no name that PutEntity writes.
Entity TakeEntity(ByteReader* in);

// The entries of a map found by hash, in the order of their names: what is written must not depend on where they lie.
template <typename EntityMap>
std::vector<const typename EntityMap::value_type*> InOrder(const EntityMap& map) {
  std::vector<const typename EntityMap::value_type*> entries;
  entries.reserve(map.size());
  for (const auto& entry : map) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  return entries;
}

}  // namespace sekisho

#endif  // SEKISHO_ENGINE_MODEL_ENTITY_BYTES_H_
