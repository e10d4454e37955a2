#include "engine/kafka/client.h"
