// Addresses as they go over the wire: 4 bytes or 16 in network order; none: no bytes.
#ifndef SEKISHO_ENGINE_WIRE_ADDRESS_H_
#define SEKISHO_ENGINE_WIRE_ADDRESS_H_

#include <optional>
#include <string>

#include "engine/base/ip.h"

namespace sekisho::wire {

// nullopt: of any other length.
std::optional<IpAddress> AddressFromBytes(const std::string& bytes);
std::string BytesOf(const IpAddress& ip);

}  // namespace sekisho::wire

#endif  // SEKISHO_ENGINE_WIRE_ADDRESS_H_
