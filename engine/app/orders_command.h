// What an operator orders by way of the log: `sekisho policy push`, `sekisho release`, `sekisho allow` and `sekisho deny`; and
// `sekisho policy status`, which tells by what each partition decides.
#ifndef SEKISHO_ENGINE_APP_ORDERS_COMMAND_H_
#define SEKISHO_ENGINE_APP_ORDERS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

namespace sekisho::app {

// Adds the commands to `app`, and those about policies to `policy`. Once one has been asked for, `*run` does it and returns an
// ExitCode: kExitFailed when the cluster can't be asked, or didn't take every record.
void AddOrders(CLI::App* app, CLI::App* policy, std::function<int()>* run);

}  // namespace sekisho::app

#endif  // SEKISHO_ENGINE_APP_ORDERS_COMMAND_H_
