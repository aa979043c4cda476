/* Readiness for systemd: the datagram of sd_notify(3), when $NOTIFY_SOCKET says that somebody waits for it. */
#ifndef TOYNET_HOST_NOTIFY_H
#define TOYNET_HOST_NOTIFY_H

/* state: "READY=1", "STOPPING=1". Does nothing when nobody waits. */
void notify_state(const char *state);

#endif
