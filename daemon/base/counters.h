/* Counters: one for every event that an administrator may ask about and for every reason a frame, segment or datagram
 * is dropped. Names are those of RFC 4293, RFC 4022, RFC 4113 and nstat where they have one; the counter, the trace and
 * toynetctl use the same name. Any folder of the core may count. */
#ifndef TOYNET_BASE_COUNTERS_H
#define TOYNET_BASE_COUNTERS_H

#include <stdint.h>

/* X(name, text) */
#define TOYNET_COUNTERS(X)                                                                                    \
	X(LinkInFrames, "frames received")                                                                    \
	X(LinkInOctets, "octets received")                                                                    \
	X(LinkOutFrames, "frames handed to the link")                                                         \
	X(LinkOutOctets, "octets handed to the link")                                                         \
	X(LinkOutRefused, "frames that the link refused")                                                     \
	X(LinkInTooShort, "frames shorter than an Ethernet header")                                           \
	X(LinkInLengthFrames, "802.3 frames of something else than IP")                                       \
	X(LinkInUnknownType, "frames of an EtherType that nobody wants")                                      \
	X(LinkInNotForUs, "frames for another station")                                                       \
	X(LinkInBadOffload, "frames whose offload header is not valid")                                       \
	X(ImpairLost, "frames that an impairment lost, each on its own")                                      \
	X(ImpairBurstLost, "frames that an impairment lost in a burst")                                       \
	X(ImpairQueueDrops, "frames dropped by the queue of an impairment's rate, or its memory")             \
	X(ArpInRequests, "ARP requests received")                                                             \
	X(ArpInReplies, "ARP replies received")                                                               \
	X(ArpInErrors, "ARP packets that are malformed")                                                      \
	X(ArpInConflicts, "ARP packets in which another station claims our address")                          \
	X(ArpProbeConflicts, "addresses found to be another station's before we used them (RFC 5227)")        \
	X(ArpOutProbes, "ARP probes sent, which ask whether an address is free (RFC 5227)")                   \
	X(ArpOutAnnouncements, "ARP announcements sent, of our own address (RFC 5227)")                       \
	X(ArpOutRequests, "ARP requests sent, probes and announcements included")                             \
	X(ArpOutReplies, "ARP replies sent")                                                                  \
	X(ArpQueueDrops, "packets dropped because the queue of an ARP entry was full")                        \
	X(ArpTableFull, "packets dropped because the ARP table was full of entries in use")                   \
	X(ArpFailed, "addresses that nobody answered for")                                                    \
	X(ArpFailedDrops, "packets dropped because ARP failed")                                               \
	X(IpInReceives, "IP datagrams received")                                                              \
	X(IpInDelivers, "IP datagrams delivered to a protocol")                                               \
	X(IpInHdrErrors, "IP headers that are malformed")                                                     \
	X(IpExtInCsumErrors, "IP header checksums that are wrong")                                            \
	X(IpExtInTruncatedPkts, "IP datagrams longer than their frame")                                       \
	X(IpInAddrErrors, "IP datagrams for an address that is not ours")                                     \
	X(IpInMartians, "IP datagrams from an impossible source")                                             \
	X(IpInUnknownProtos, "IP datagrams of a protocol that nobody wants")                                  \
	X(IpInSourceRoutes, "IP datagrams with a source route option")                                        \
	X(IpReasmReqds, "IP fragments received")                                                              \
	X(IpReasmOKs, "IP datagrams put together from fragments")                                             \
	X(IpReasmFails, "IP datagrams that could not be put together, and malformed fragments")               \
	X(IpReasmTimeout, "IP datagrams whose fragments did not all come in time")                            \
	X(IpReasmErrors, "IP fragments that are malformed or contradict others")                              \
	X(IpExtReasmOverlaps, "IP fragments that overlap others: the datagram is dropped (RFC 5722)")         \
	X(IpReasmDuplicates, "IP fragments that came twice")                                                  \
	X(IpReasmLate, "IP fragments of a datagram that was dropped already")                                 \
	X(IpReasmTooMany, "IP fragments beyond the most that one datagram may have")                          \
	X(IpReasmEvicted, "IP datagrams in fragments that made room for newer ones")                          \
	X(IpReasmNoMemory, "IP fragments dropped for want of memory")                                         \
	X(IpOutRequests, "IP datagrams sent")                                                                 \
	X(IpOutNoRoutes, "IP datagrams without a route")                                                      \
	X(IpOutDiscards, "IP datagrams dropped for want of memory")                                           \
	X(IpOutFragNeeded, "IP datagrams larger than the MTU that must not be cut")                           \
	X(IpFragOKs, "IP datagrams sent in fragments")                                                        \
	X(IpFragCreates, "IP fragments sent")                                                                 \
	X(IpFragFails, "IP datagrams not cut because the queue of such was full, or memory")                  \
	X(IpPmtuLowered, "path MTUs lowered by an ICMP message (RFC 1191)")                                   \
	X(IpPmtuRefused, "path MTUs refused: below 68, above what is known, or no memory")                    \
	X(IpPmtuAged, "path MTUs forgotten because of their age (RFC 1191 6.3)")                              \
	X(IcmpInMsgs, "ICMP messages received")                                                               \
	X(IcmpInErrors, "ICMP messages that are malformed")                                                   \
	X(IcmpInCsumErrors, "ICMP checksums that are wrong")                                                  \
	X(IcmpInEchos, "echo requests received")                                                              \
	X(IcmpInEchoReps, "echo replies received")                                                            \
	X(IcmpInDestUnreachs, "destination unreachable messages received")                                    \
	X(IcmpInTimeExcds, "time exceeded messages received")                                                 \
	X(IcmpInParmProbs, "parameter problem messages received")                                             \
	X(IcmpInRedirects, "redirects received")                                                              \
	X(IcmpInRedirectsObeyed, "redirects that were obeyed")                                                \
	X(IcmpInRedirectsRefused, "redirects not from the gateway in use, or to one that is not on our link") \
	X(IcmpInIgnored, "ICMP messages of a type that nobody wants, or that quote no socket of ours")        \
	X(IcmpOutMsgs, "ICMP messages sent")                                                                  \
	X(IcmpOutEchos, "echo requests sent by ping sockets")                                                 \
	X(IcmpOutEchoReps, "echo replies sent")                                                               \
	X(IcmpOutDestUnreachs, "destination unreachable messages sent")                                       \
	X(IcmpOutTimeExcds, "time exceeded messages sent")                                                    \
	X(IcmpOutParmProbs, "parameter problem messages sent")                                                \
	X(IcmpOutRateLimitGlobal, "ICMP errors not sent because of the rate limit")                           \
	X(IcmpOutSuppressed, "ICMP errors not sent because RFC 1122 3.2.2 forbids them")                      \
	X(IgmpInMsgs, "IGMP messages received")                                                               \
	X(IgmpInErrors, "IGMP messages that are malformed")                                                   \
	X(IgmpInCsumErrors, "IGMP checksums that are wrong")                                                  \
	X(IgmpInQueries, "membership queries received")                                                       \
	X(IgmpInReports, "membership reports received (IGMPv1, IGMPv2)")                                      \
	X(IgmpInIgnored, "IGMP messages that are not for hosts, or queries that may be forged")               \
	X(IgmpOutReports, "membership reports sent")                                                          \
	X(IgmpOutLeaves, "IGMPv2 leaves sent")                                                                \
	X(IgmpOutRateLimited, "membership reports put off because of the rate limit")                         \
	X(IgmpTableFull, "groups not joined because the table was full")                                      \
	X(LoopQueueDrops, "datagrams to ourselves dropped because the loopback's queue was full")             \
	X(ControlQueueDrops, "replies dropped because the stack's reply queue was full")                      \
	X(UdpInDatagrams, "UDP datagrams delivered to a socket")                                              \
	X(UdpNoPorts, "UDP datagrams for a port that nobody has")                                             \
	X(UdpInErrors, "UDP datagrams that are malformed")                                                    \
	X(UdpInCsumErrors, "UDP checksums that are wrong")                                                    \
	X(UdpInNoCsums, "UDP datagrams without a checksum for a socket that wants one")                       \
	X(UdpRcvbufErrors, "UDP datagrams dropped because the receive buffer was full")                       \
	X(UdpInShut, "UDP datagrams for a socket that was shut down for reading")                             \
	X(UdpSndbufErrors, "UDP datagrams refused because the send buffer was full")                          \
	X(UdpOutDatagrams, "UDP datagrams sent")                                                              \
	X(UdpBadRecords, "records on a datagram descriptor that are malformed")                               \
	X(DhcpInMsgs, "messages for the DHCP client received")                                                \
	X(DhcpInErrors, "DHCP messages that are malformed")                                                   \
	X(DhcpInIgnored, "DHCP messages for another client, unasked for, or not acceptable")                  \
	X(DhcpInBadOptions, "options left out of DHCP messages because they are malformed")                   \
	X(DhcpOutMsgs, "DHCP messages sent")                                                                  \
	X(DhcpLeases, "leases that brought an address into use")                                              \
	X(DhcpNaks, "leases that a server refused or ended (DHCPNAK)")                                        \
	X(DhcpConflicts, "leased addresses declined because another station has them")                        \
	X(TcpActiveOpens, "connections opened by connect")                                                    \
	X(TcpPassiveOpens, "connections opened by a SYN to a listener")                                       \
	X(TcpAttemptFails, "connections that failed before they were established")                            \
	X(TcpEstabResets, "established connections that ended by a reset")                                    \
	X(TcpInSegs, "TCP segments received")                                                                 \
	X(TcpOutSegs, "TCP segments sent")                                                                    \
	X(TcpRetransSegs, "TCP segments retransmitted")                                                       \
	X(TcpInErrs, "TCP segments that are malformed")                                                       \
	X(TcpInCsumErrors, "TCP checksums that are wrong")                                                    \
	X(TcpOutRsts, "TCP resets sent")                                                                      \
	X(TcpInNoSocket, "TCP segments for no socket of ours")                                                \
	X(TcpExtListenOverflows, "connections dropped because the accept queue was full")                     \
	X(TcpListenNoMemory, "SYNs dropped for want of memory or by a quota")                                 \
	X(TcpExtTCPReqQFullDrop, "SYNs dropped because the SYN queue was full and cookies are off")           \
	X(TcpInCE, "segments with text that a router marked (RFC 3168)")                                      \
	X(TcpEcnReductions, "reductions of the congestion window by ECE")                                     \
	X(TcpExtSyncookiesSent, "SYNs answered with a cookie")                                                \
	X(TcpExtSyncookiesRecv, "connections opened by a cookie")                                             \
	X(TcpExtSyncookiesFailed, "ACKs to a listener whose cookie is not valid")                             \
	X(TcpInBadState, "TCP segments that their state does not allow")                                      \
	X(TcpInUnacceptable, "TCP segments outside the receive window")                                       \
	X(TcpInBadAck, "TCP segments whose acknowledgment is not acceptable")                                 \
	X(TcpInBadReset, "TCP resets ignored by RFC 5961 3.2")                                                \
	X(TcpExtPAWSEstab, "TCP segments dropped by PAWS")                                                    \
	X(TcpNoMemory, "TCP segments dropped for want of memory")                                             \
	X(TcpDataAfterClose, "TCP segments with data after the application closed")                           \
	X(TcpExtTCPOFOQueue, "TCP segments queued out of order")                                              \
	X(TcpExtTCPOFODrop, "TCP segments dropped because too many gaps were open")                           \
	X(TcpDuplicateData, "TCP segments with nothing but bytes already received")                           \
	X(TcpBeyondWindow, "TCP segments with bytes beyond the receive window")                               \
	X(TcpFinMismatch, "FINs and text that contradict the place of the first FIN")                         \
	X(TcpNoTimestamp, "TCP segments without the timestamp that was agreed (RFC 7323 3.2)")                \
	X(TcpExtTCPChallengeACK, "challenge ACKs sent (RFC 5961)")                                            \
	X(TcpExtTCPACKSkippedChallenge, "challenge ACKs not sent because of the limit (RFC 5961 7)")          \
	X(TcpFastRetransmits, "recoveries entered by duplicate ACKs, SACK or RACK")                           \
	X(TcpExtTCPTimeouts, "expiries of the retransmission timer")                                          \
	X(TcpSpuriousRecoveries, "recoveries and timeouts found to be needless, and undone")                  \
	X(TcpExtTCPDSACKRecv, "duplicate reports received (RFC 2883)")                                        \
	X(TcpDSACKSent, "duplicate reports sent (RFC 2883)")                                                  \
	X(TcpPmtuIgnored, "fragmentation needed messages that claim more than was sent")                      \
	X(TcpPmtuDelayed, "fragmentation needed messages kept until a timeout (RFC 5927 7.2)")                \
	X(TcpExtTCPMTUPFail, "path MTU probes that were lost (RFC 4821)")                                     \
	X(TcpExtTCPMTUPSuccess, "path MTU probes that arrived (RFC 4821)")                                    \
	X(TcpMTUPBlackHoles, "times that the MSS was lowered after timeouts (RFC 4821 7.7)")                  \
	X(TcpExtTCPLossProbes, "tail loss probes sent (RFC 8985 7)")                                          \
	X(TcpExtTCPWinProbe, "zero-window probes sent")                                                       \
	X(TcpExtTCPKeepAlive, "keep-alive probes sent")                                                       \
	X(TcpKeepaliveDrops, "connections given up because keep-alive probes found no answer")                \
	X(TcpUserTimeouts, "connections given up by their user timeout")                                      \
	X(TcpPersistDrops, "orphans given up while the peer's window was zero")                               \
	X(TcpRetransmitDrops, "connections given up after too many retransmissions")                          \
	X(TcpExtTCPAbortOnClose, "connections reset because the application left bytes unread")               \
	X(TcpLingerAborts, "connections reset by SO_LINGER 0 or an abort call")                               \
	X(TcpAbortOnOrphan, "orphans given up by a limit")                                                    \
	X(TcpExtTCPAbortOnMemory, "connections reset at their close because of too many orphans")             \
	X(TcpExtTCPTimeWaitOverflow, "connections that skipped TIME-WAIT because too many were in it")        \
	X(TcpExtTW, "connections that passed to TIME-WAIT")                                                   \
	X(TcpTimeWaitReused, "connections opened out of TIME-WAIT (RFC 6191)")                                \
	X(TcpSackBlocksIn, "SACK blocks received")                                                            \
	X(TcpExtTCPSACKDiscard, "SACK blocks ignored because they are not valid")                             \
	X(TcpSackEdgesIgnored, "edges of SACK blocks ignored because they cut finer than segments")           \
	X(SocketOpens, "sockets allocated")                                                                   \
	X(SocketCloses, "sockets released")                                                                   \
	X(SocketNoMemory, "sockets refused for want of memory")                                               \
	X(SocketQuotaRefused, "sockets refused by a quota")

enum counter {
#define X(name, text) CNT_##name,
	TOYNET_COUNTERS(X)
#undef X
	        CNT_COUNT
};

struct counters {
	uint64_t v[CNT_COUNT];
};

#define COUNT(c, name)        ((void)((c)->v[CNT_##name]++))
#define COUNT_ADD(c, name, n) ((void)((c)->v[CNT_##name] += (n)))

extern const char *const counter_names[CNT_COUNT];
extern const char *const counter_texts[CNT_COUNT];

#endif
