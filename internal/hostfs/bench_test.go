package hostfs
