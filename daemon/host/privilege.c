/* After set-up the daemon needs no privilege: the TAP is open, the socket is bound. As root without another user to
 * become (a namespace, a container) it stays uid 0, but without any capability, in the bounding set too. */
#include "host/privilege.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

unsigned long privilege_raise_limits(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return 0;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	(void)getrlimit(RLIMIT_NOFILE, &rl);
	return (unsigned long)rl.rlim_cur;
}

bool privilege_resolve(struct privilege *p, const char *user, const char *group, char *why, size_t size)
{
	*p = (struct privilege){.uid = getuid(), .gid = getgid()};
	bool named = *user != '\0';
	if (!named && geteuid() != 0)
		return true;
	errno = 0;
	const struct passwd *pw = getpwnam(named ? user : PRIVILEGE_DEFAULT_USER);
	if (!pw && named) {
		snprintf(why, size, "user %s: there is no such user: create it (useradd --system %s) or change `user'",
		         user, user);
		return false;
	}
	if (pw) {
		p->uid = pw->pw_uid;
		p->gid = pw->pw_gid;
		p->change = pw->pw_uid != geteuid();
		snprintf(p->name, sizeof(p->name), "%s", pw->pw_name);
	}
	if (*group) {
		const struct group *gr = getgrnam(group);
		if (!gr) {
			snprintf(why, size,
			         "group %s: there is no such group: create it (groupadd --system %s) or change `group'",
			         group, group);
			return false;
		}
		p->change = p->change || gr->gr_gid != p->gid;
		p->gid = gr->gr_gid;
	}
	return true;
}

static bool drop_capabilities(void)
{
	struct __user_cap_header_struct h = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EPERM)
			return false;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &h, none) == 0;
}

bool privilege_drop(const struct privilege *p, char *why, size_t size)
{
	bool root = geteuid() == 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		snprintf(why, size, "cannot give up new privileges: %s", strerror(errno));
		return false;
	}
	if (p->change && !root) {
		snprintf(why, size, "cannot become user %s: not started as root: leave out `user', or start as root",
		         p->name);
		return false;
	}
	/* The supplementary groups of root go in any case. */
	if (root && setgroups(0, NULL) < 0 && errno != EPERM) {
		snprintf(why, size, "cannot leave the supplementary groups: %s", strerror(errno));
		return false;
	}
	if (p->change && (setresgid(p->gid, p->gid, p->gid) < 0 || setresuid(p->uid, p->uid, p->uid) < 0)) {
		snprintf(why, size, "cannot become user %s: %s", p->name, strerror(errno));
		return false;
	}
	if (!drop_capabilities()) {
		snprintf(why, size, "cannot drop capabilities: %s", strerror(errno));
		return false;
	}
	return true;
}
