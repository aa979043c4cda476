/* What a daemon does with its privilege: raise what it needs, then let go of the rest. */
#ifndef TOYNET_HOST_PRIVILEGE_H
#define TOYNET_HOST_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGE_DEFAULT_USER "toynet"

/* Who the daemon becomes. */
struct privilege {
	uid_t uid;
	gid_t gid;
	char name[64]; /* of the user */
	bool change;   /* false: stay who we are */
};

/* RLIMIT_NOFILE to its hard limit: every socket is a descriptor here. Returns the limit that holds. */
unsigned long privilege_raise_limits(void);
/* Resolves user and group (empty: PRIVILEGE_DEFAULT_USER when it exists and we are root). False: why is set. */
bool privilege_resolve(struct privilege *p, const char *user, const char *group, char *why, size_t size);
/* Becomes that user, or drops every capability when no user is to be changed to; no new privileges by exec. False:
 * why is set. */
bool privilege_drop(const struct privilege *p, char *why, size_t size);

#endif
