// Which changes of a schema would break somebody who still speaks the older one.
#ifndef SEKISHO_PROTO_COMPAT_H_
#define SEKISHO_PROTO_COMPAT_H_

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

namespace sekisho {

// One line for each thing that `after` took away from `before` or changed in it: a message, field, enum or value that is
// gone, renamed, renumbered or of another type, label or oneof, and a reserved number or name given back or used. Empty:
// `after` only adds. In the order of `before`.
std::vector<std::string> IncompatibleChanges(const google::protobuf::FileDescriptorSet& before,
                                             const google::protobuf::FileDescriptorSet& after);

}  // namespace sekisho

#endif  // SEKISHO_PROTO_COMPAT_H_
