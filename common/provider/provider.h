/* The providers of common/transport/transport.h, by the scheme of a URL. */
#ifndef USRBIO_COMMON_PROVIDER_PROVIDER_H
#define USRBIO_COMMON_PROVIDER_PROVIDER_H

#include "common/transport/transport.h"

/* Find the provider of a scheme, "rdma" for instance; NULL: there is none. */
const struct tp_ops *provider_find(const char *scheme);

#endif
