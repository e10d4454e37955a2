// What a run over files is made of, opened in the order in which one part needs the other. Shared by replay and explain.
#ifndef SEKISHO_ENGINE_APP_RUN_SETUP_H_
#define SEKISHO_ENGINE_APP_RUN_SETUP_H_

#include <string>
#include <utility>
#include <vector>

#include "engine/app/commands.h"
#include "engine/base/hash.h"
#include "engine/geo/geo.h"
#include "engine/policy/policy.h"
#include "engine/state/account_table.h"

namespace sekisho::app {

// Everything but the files' contents and names that decides what is folded and what follows from it, by name, for RunMarker::setup.
std::vector<std::pair<std::string, std::string>> DescribeSetup(const InputOptions& input, const Policy& policy,
                                                               const GeoSet& geo);

// Names the log in action ids. One name for all files, so that a log gives the same ids wherever it lies and however it
// is packed.
Hash128 FilesLogId();

AccountTableOptions TableOptions(uint64_t memory_bytes_max);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_RUN_SETUP_H_
