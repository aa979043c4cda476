/* Counters: one for every event that an administrator may ask about and for every reason a frame, segment or datagram
 * is dropped. Names are those of RFC 4293, RFC 4022, RFC 4113 and nstat where they have one, and then they mean what
 * these say; the counter, the trace and toynetctl use the same name. Any folder of the core may count.
 *
 * A drop counts once, under the most exact name there is. Where a MIB has one name for several of these reasons, that
 * is a total: it is not counted but added up of its parts when somebody asks, so that it costs nothing where packets
 * pass. A gauge is neither: the stack says what it is at that moment. */
#ifndef TOYNET_BASE_COUNTERS_H
#define TOYNET_BASE_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

/* X(name, text), a line each: a longer one shall not move the others. */
/* clang-format off */
#define TOYNET_COUNTERS(X) \
	X(LinkInFrames, "frames received") \
	X(LinkInOctets, "octets received") \
	X(LinkOutFrames, "frames handed to the link") \
	X(LinkOutOctets, "octets handed to the link") \
	X(LinkOutRefused, "frames that the link refused") \
	X(LinkInTooShort, "frames shorter than an Ethernet header") \
	X(LinkInLengthFrames, "802.3 frames of something else than IP") \
	X(LinkInUnknownType, "frames of an EtherType that nobody wants") \
	X(LinkInNotForUs, "frames for another station") \
	X(LinkInBadOffload, "frames whose offload header is not valid") \
	X(ImpairLost, "frames that an impairment lost, each on its own") \
	X(ImpairBurstLost, "frames that an impairment lost in a burst") \
	X(ImpairQueueDrops, "frames dropped by the queue of an impairment's rate, or its memory") \
	X(ArpInRequests, "ARP requests received") \
	X(ArpInReplies, "ARP replies received") \
	X(ArpInErrors, "ARP packets that are malformed") \
	X(ArpInConflicts, "ARP packets in which another station claims our address") \
	X(ArpInStaticConflicts, "ARP packets that contradict a static entry") \
	X(ArpInLocked, "ARP packets ignored that move an address confirmed within a second") \
	X(ArpProbeConflicts, "addresses found to be another station's before we used them (RFC 5227)") \
	X(ArpOutProbes, "ARP probes sent, which ask whether an address is free (RFC 5227)") \
	X(ArpOutAnnouncements, "ARP announcements sent, of our own address (RFC 5227)") \
	X(ArpOutRequests, "ARP requests sent, probes and announcements included") \
	X(ArpOutReplies, "ARP replies sent") \
	X(ArpOutDrops, "ARP packets not sent because the reply queue was full, or for want of memory") \
	X(ArpQueueDrops, "packets dropped because the queue of an ARP entry was full") \
	X(ArpTableFull, "packets dropped because the ARP table was full of entries in use, or memory short") \
	X(ArpFailed, "addresses that nobody answered for") \
	X(ArpFailedDrops, "packets dropped because ARP failed") \
	X(IpForwarding, "2: we do not forward (RFC 4293)") \
	X(IpDefaultTTL, "TTL of datagrams whose sender sets none") \
	X(IpInReceives, "IP datagrams received") \
	X(IpInDelivers, "IP datagrams delivered to a protocol") \
	X(IpInHdrErrors, "IP datagrams with an error in their header") \
	X(IpInMalformed, "IP headers that are malformed") \
	X(IpExtInCsumErrors, "IP header checksums that are wrong") \
	X(IpExtInTruncatedPkts, "IP datagrams longer than their frame") \
	X(IpInAddrErrors, "IP datagrams for an address that is not ours") \
	X(IpInDiscards, "IP datagrams refused though their header is well formed") \
	X(IpInMartians, "IP datagrams from an impossible source") \
	X(IpInUnknownProtos, "IP datagrams of a protocol that nobody wants") \
	X(IpInSourceRoutes, "IP datagrams with a source route option") \
	X(IpInBadOffload, "IP datagrams that are not what their offload header says") \
	X(IpReasmReqds, "IP fragments received") \
	X(IpReasmOKs, "IP datagrams put together from fragments") \
	X(IpReasmFails, "IP datagrams that could not be put together, and malformed fragments") \
	X(IpReasmTimeout, "IP datagrams whose fragments did not all come in time") \
	X(IpReasmErrors, "IP fragments that are malformed or contradict others") \
	X(IpExtReasmOverlaps, "IP fragments that overlap others: the datagram is dropped (RFC 5722)") \
	X(IpReasmDuplicates, "IP fragments that came twice") \
	X(IpReasmLate, "IP fragments of a datagram that was dropped already") \
	X(IpReasmTooMany, "IP fragments beyond the most that one datagram may have") \
	X(IpReasmEvicted, "IP datagrams in fragments that made room for newer ones") \
	X(IpReasmNoMemory, "IP fragments dropped for want of memory") \
	X(IpOutRequests, "IP datagrams sent") \
	X(IpOutNoRoutes, "IP datagrams without a route") \
	X(IpOutDiscards, "IP datagrams not sent for want of memory") \
	X(IpOutLinkChanged, "IP datagrams built for a link that could do more than the present one") \
	X(IpOutTransmits, "IP datagrams and fragments handed to the link, or to ARP") \
	X(IpOutFragNeeded, "IP datagrams larger than the MTU that must not be cut") \
	X(IpFragOKs, "IP datagrams sent in fragments") \
	X(IpFragCreates, "IP fragments sent") \
	X(IpFragFails, "IP datagrams that needed fragments and did not get them") \
	X(IpFragQueueDrops, "IP datagrams not cut because the queue of such was full, or memory") \
	X(IpExtInOctets, "octets of IP datagrams received") \
	X(IpExtOutOctets, "octets of these") \
	X(IpExtInMcastPkts, "IP datagrams received for a group that we want") \
	X(IpExtOutMcastPkts, "IP datagrams sent to a group") \
	X(IpExtInBcastPkts, "IP datagrams received by broadcast") \
	X(IpExtOutBcastPkts, "IP datagrams sent by broadcast") \
	X(IpExtInMcastOctets, "octets of IP datagrams received for a group that we want") \
	X(IpExtOutMcastOctets, "octets of IP datagrams sent to a group") \
	X(IpExtInBcastOctets, "octets of IP datagrams received by broadcast") \
	X(IpExtOutBcastOctets, "octets of IP datagrams sent by broadcast") \
	X(IpExtInNoECTPkts, "IP datagrams received of a transport without ECN") \
	X(IpExtInECT1Pkts, "IP datagrams received with ECT(1)") \
	X(IpExtInECT0Pkts, "IP datagrams received with ECT(0)") \
	X(IpExtInCEPkts, "IP datagrams received with congestion experienced") \
	X(IpPmtuLowered, "path MTUs lowered by an ICMP message (RFC 1191)") \
	X(IpPmtuRefused, "path MTUs refused: below 68, above what is known, or no memory") \
	X(IpPmtuAged, "path MTUs forgotten because of their age (RFC 1191 6.3)") \
	X(IcmpInMsgs, "ICMP messages received") \
	X(IcmpInErrors, "ICMP messages with an error of their own") \
	X(IcmpInMalformed, "ICMP messages that are malformed") \
	X(IcmpInCsumErrors, "ICMP checksums that are wrong") \
	X(IcmpInEchos, "echo requests received") \
	X(IcmpInEchoReps, "echo replies received") \
	X(IcmpInDestUnreachs, "destination unreachable messages received") \
	X(IcmpInTimeExcds, "time exceeded messages received") \
	X(IcmpInParmProbs, "parameter problem messages received") \
	X(IcmpInSrcQuenchs, "source quench messages received, and ignored (RFC 6633)") \
	X(IcmpInRedirects, "redirect messages received") \
	X(IcmpInRedirectsObeyed, "redirects that were obeyed") \
	X(IcmpInRedirectsRefused, "redirects not from the gateway in use, or to one that is not on our link") \
	X(IcmpInTimestamps, "timestamp requests received, and ignored") \
	X(IcmpInTimestampReps, "timestamp replies received, and ignored") \
	X(IcmpInAddrMasks, "address mask requests received, and ignored") \
	X(IcmpInAddrMaskReps, "address mask replies received, and ignored") \
	X(IcmpInIgnored, "ICMP messages of a type that nobody wants, or that quote no socket of ours") \
	X(IcmpOutMsgs, "ICMP messages sent") \
	X(IcmpOutErrors, "ICMP messages not sent for want of memory") \
	X(IcmpOutEchos, "echo requests sent by ping sockets") \
	X(IcmpOutEchoReps, "echo replies sent") \
	X(IcmpOutDestUnreachs, "destination unreachable messages sent") \
	X(IcmpOutTimeExcds, "time exceeded messages sent") \
	X(IcmpOutParmProbs, "parameter problem messages sent") \
	X(IcmpOutRateLimitGlobal, "ICMP errors not sent because of the rate limit") \
	X(IcmpOutSuppressed, "ICMP errors not sent because RFC 1122 3.2.2 forbids them") \
	X(IcmpMsgInType0, "ICMP messages received of type 0") \
	X(IcmpMsgInType3, "ICMP messages received of type 3") \
	X(IcmpMsgInType4, "ICMP messages received of type 4") \
	X(IcmpMsgInType5, "ICMP messages received of type 5") \
	X(IcmpMsgInType8, "ICMP messages received of type 8") \
	X(IcmpMsgInType11, "ICMP messages received of type 11") \
	X(IcmpMsgInType12, "ICMP messages received of type 12") \
	X(IcmpMsgInType13, "ICMP messages received of type 13") \
	X(IcmpMsgInType14, "ICMP messages received of type 14") \
	X(IcmpMsgInType17, "ICMP messages received of type 17") \
	X(IcmpMsgInType18, "ICMP messages received of type 18") \
	X(IcmpMsgOutType0, "ICMP messages sent of type 0") \
	X(IcmpMsgOutType3, "ICMP messages sent of type 3") \
	X(IcmpMsgOutType8, "ICMP messages sent of type 8") \
	X(IcmpMsgOutType11, "ICMP messages sent of type 11") \
	X(IcmpMsgOutType12, "ICMP messages sent of type 12") \
	X(IgmpInMsgs, "IGMP messages received") \
	X(IgmpInErrors, "IGMP messages that are malformed") \
	X(IgmpInCsumErrors, "IGMP checksums that are wrong") \
	X(IgmpInQueries, "membership queries received") \
	X(IgmpInReports, "membership reports received (IGMPv1, IGMPv2)") \
	X(IgmpInIgnored, "IGMP messages that are not for hosts, or queries that may be forged") \
	X(IgmpOutReports, "membership reports sent") \
	X(IgmpOutLeaves, "IGMPv2 leaves sent") \
	X(IgmpOutRateLimited, "membership reports put off because of the rate limit") \
	X(IgmpTableFull, "groups not joined because the table was full") \
	X(LoopQueueDrops, "datagrams to ourselves dropped because the loopback's queue was full") \
	X(ControlQueueDrops, "replies dropped because the stack's reply queue was full") \
	X(UdpInDatagrams, "UDP datagrams delivered to a socket") \
	X(UdpNoPorts, "UDP datagrams for a port that nobody has") \
	X(UdpIgnoredMulti, "UDP datagrams to a group or by broadcast for a port that nobody has") \
	X(UdpInErrors, "UDP datagrams not delivered, but for those that found no port") \
	X(UdpInMalformed, "UDP datagrams that are malformed") \
	X(UdpInCsumErrors, "UDP checksums that are wrong") \
	X(UdpInNoCsums, "UDP datagrams without a checksum for a socket that wants one") \
	X(UdpRcvbufErrors, "UDP datagrams dropped because the receive buffer was full") \
	X(UdpMemErrors, "UDP datagrams dropped for want of memory") \
	X(UdpInShut, "UDP datagrams for a socket that was shut down for reading") \
	X(UdpSndbufErrors, "UDP datagrams lost because the send buffer was full, or memory short") \
	X(UdpOutDatagrams, "UDP datagrams sent") \
	X(UdpBadRecords, "records on a datagram descriptor that are malformed") \
	X(DhcpInMsgs, "messages for the DHCP client received") \
	X(DhcpInErrors, "DHCP messages that are malformed") \
	X(DhcpInIgnored, "DHCP messages for another client, unasked for, or not acceptable") \
	X(DhcpInBadOptions, "options left out of DHCP messages because they are malformed") \
	X(DhcpOutMsgs, "DHCP messages sent") \
	X(DhcpLeases, "leases that brought an address into use") \
	X(DhcpNaks, "leases that a server refused or ended (DHCPNAK)") \
	X(DhcpConflicts, "leased addresses declined because another station has them") \
	X(DhcpBadRoutes, "routes of a lease that could not be taken")                  \
	X(PingRcvbufErrors, "echo replies dropped because the receive buffer was full, or memory short") \
	X(PingInShut, "echo replies for a ping socket that was shut down for reading") \
	X(PingSndbufErrors, "echo requests lost because the send buffer was full, or memory short") \
	X(RawRcvbufErrors, "copies for a raw socket dropped because its receive buffer was full, or memory short") \
	X(RawInShut, "copies for a raw socket that was shut down for reading") \
	X(RawSndbufErrors, "datagrams of a raw socket lost because its send buffer was full, or memory short") \
	X(SocketErrorDrops, "ICMP errors not told to their datagram socket, which was full or shut down") \
	X(SocketUnread, "datagrams and errors that nobody read: their socket was closed or shut down") \
	X(SocketUnsent, "datagrams that were not sent yet when their socket was closed") \
	X(SocketTooLong, "datagrams refused (EMSGSIZE) because they must not be cut and their path is narrower") \
	X(TcpRtoAlgorithm, "5: rfc2988, whose successor is RFC 6298 (RFC 4022)") \
	X(TcpRtoMin, "least retransmission timeout, in milliseconds") \
	X(TcpRtoMax, "largest retransmission timeout, in milliseconds") \
	X(TcpMaxConn, "sockets that all users together may have") \
	X(TcpActiveOpens, "connections opened by connect") \
	X(TcpPassiveOpens, "connections opened by a SYN to a listener") \
	X(TcpAttemptFails, "connections that failed before they were established") \
	X(TcpEstabResets, "established connections that ended by a reset") \
	X(TcpCurrEstab, "connections in ESTABLISHED or CLOSE-WAIT") \
	X(TcpInSegs, "TCP segments received") \
	X(TcpOutSegs, "TCP segments sent, without those that hold nothing but retransmitted octets") \
	X(TcpRetransSegs, "TCP segments retransmitted") \
	X(TcpInErrs, "TCP segments received in error") \
	X(TcpInMalformed, "TCP headers that are malformed") \
	X(TcpInBadOptions, "TCP segments whose options are malformed; the rest of them is taken") \
	X(TcpInGroup, "TCP segments to or from a group") \
	X(TcpInCsumErrors, "TCP checksums that are wrong") \
	X(TcpOutRsts, "TCP resets sent") \
	X(TcpInNoSocket, "TCP segments for no socket of ours") \
	X(TcpInShut, "TCP segments with text for an application that has shut down reading") \
	X(TcpExtListenDrops, "SYNs and handshakes dropped at a listener") \
	X(TcpExtListenOverflows, "connections dropped because the accept queue was full") \
	X(TcpListenNoMemory, "SYNs dropped for want of memory or by a quota") \
	X(TcpExtTCPReqQFullDrop, "SYNs dropped because the SYN queue was full and cookies are off") \
	X(TcpExtTCPReqQFullDoCookies, "SYNs that found the SYN queue full and got a cookie") \
	X(TcpInCE, "segments with text that a router marked (RFC 3168)") \
	X(TcpEcnReductions, "reductions of the congestion window by ECE") \
	X(TcpExtSyncookiesSent, "SYNs answered with a cookie") \
	X(TcpExtSyncookiesRecv, "connections opened by a cookie") \
	X(TcpExtSyncookiesFailed, "ACKs to a listener whose cookie is not valid") \
	X(TcpInBadState, "TCP segments that their state does not allow") \
	X(TcpInUnacceptable, "TCP segments outside the receive window") \
	X(TcpInBadAck, "TCP segments whose acknowledgment is not acceptable") \
	X(TcpInBadReset, "TCP resets ignored by RFC 5961 3.2") \
	X(TcpExtEmbryonicRsts, "handshakes that a RST or a second SYN ended") \
	X(TcpExtPAWSEstab, "TCP segments dropped by PAWS, but for those in TIME-WAIT") \
	X(TcpExtPAWSTimewait, "TCP segments dropped by PAWS in TIME-WAIT") \
	X(TcpExtTCPRcvQDrop, "TCP segments in order dropped for want of memory") \
	X(TcpDataAfterClose, "TCP segments with data after the application closed") \
	X(TcpExtTCPOFOQueue, "TCP segments queued out of order") \
	X(TcpExtTCPOFODrop, "TCP segments out of order dropped for want of memory, or because too many gaps were open") \
	X(TcpDuplicateData, "TCP segments with nothing but bytes already received") \
	X(TcpBeyondWindow, "TCP segments with bytes beyond the receive window") \
	X(TcpFinMismatch, "FINs and text that contradict the place of the first FIN") \
	X(TcpNoTimestamp, "TCP segments without the timestamp that was agreed (RFC 7323 3.2)") \
	X(TcpExtTCPChallengeACK, "challenge ACKs sent (RFC 5961)") \
	X(TcpExtTCPACKSkippedChallenge, "challenge ACKs not sent because of the limit (RFC 5961 7)") \
	X(TcpExtTCPSackRecovery, "recoveries entered with SACK (RACK)") \
	X(TcpExtTCPRenoRecovery, "recoveries entered by duplicate ACKs, without SACK") \
	X(TcpExtTCPFastRetrans, "TCP segments retransmitted in recovery") \
	X(TcpExtTCPSlowStartRetrans, "TCP segments retransmitted after a timeout") \
	X(TcpExtTCPSynRetrans, "SYNs and SYN-ACKs retransmitted") \
	X(TcpExtTCPOrigDataSent, "TCP segments sent with text for the first time") \
	X(TcpExtTCPTimeouts, "expiries of the retransmission timer") \
	X(TcpSpuriousRecoveries, "recoveries and timeouts found to be needless, and undone") \
	X(TcpExtTCPFullUndo, "recoveries undone by a timestamp (Eifel)") \
	X(TcpExtTCPDSACKUndo, "recoveries and timeouts undone by D-SACK") \
	X(TcpExtTCPLossUndo, "timeouts undone by a timestamp or by F-RTO") \
	X(TcpExtTCPSpuriousRTOs, "timeouts found to be needless by F-RTO") \
	X(TcpExtTCPDSACKRecv, "reports received of duplicates below the ACK (RFC 2883)") \
	X(TcpExtTCPDSACKOfoRecv, "reports received of duplicates beyond the ACK (RFC 2883)") \
	X(TcpExtTCPDSACKOldSent, "reports sent of duplicates below RCV.NXT (RFC 2883)") \
	X(TcpExtTCPDSACKOfoSent, "reports sent of duplicates beyond RCV.NXT (RFC 2883)") \
	X(TcpPmtuIgnored, "fragmentation needed messages that claim more than was sent") \
	X(TcpPmtuDelayed, "fragmentation needed messages kept until a timeout (RFC 5927 7.2)") \
	X(TcpExtOutOfWindowIcmps, "ICMP errors whose quoted sequence number is not in flight (RFC 5927)") \
	X(TcpExtTCPMTUPFail, "path MTU probes that were lost (RFC 4821)") \
	X(TcpExtTCPMTUPSuccess, "path MTU probes that arrived (RFC 4821)") \
	X(TcpMTUPBlackHoles, "times that the MSS was lowered after timeouts (RFC 4821 7.7)") \
	X(TcpExtTCPLossProbes, "tail loss probes sent (RFC 8985 7)") \
	X(TcpExtTCPLossProbeRecovery, "losses that a tail loss probe repaired") \
	X(TcpExtDelayedACKs, "ACKs sent when the delayed-ACK timer expired") \
	X(TcpExtTCPToZeroWindowAdv, "times that our window closed") \
	X(TcpExtTCPFromZeroWindowAdv, "times that our window opened again") \
	X(TcpExtTCPWinProbe, "zero-window probes sent") \
	X(TcpExtTCPKeepAlive, "keep-alive probes sent") \
	X(TcpKeepaliveDrops, "connections given up because keep-alive probes found no answer") \
	X(TcpUserTimeouts, "connections given up by their user timeout") \
	X(TcpPersistDrops, "orphans given up while the peer's window was zero") \
	X(TcpExtTCPAbortOnTimeout, "connections given up because the peer did not answer") \
	X(TcpRetransmitDrops, "connections given up after too many retransmissions") \
	X(TcpExtTCPAbortOnClose, "connections reset because the application left bytes unread") \
	X(TcpExtTCPAbortOnData, "connections reset by their application, or by text that came after its close") \
	X(TcpLingerAborts, "connections reset by SO_LINGER 0 or an abort call") \
	X(TcpAbortOnOrphan, "orphans given up by a limit") \
	X(TcpExtTCPAbortOnMemory, "connections reset at their close because of too many orphans") \
	X(TcpExtTCPTimeWaitOverflow, "connections that skipped TIME-WAIT because too many were in it") \
	X(TcpExtTW, "connections that passed to TIME-WAIT") \
	X(TcpTimeWaitReused, "connections opened out of TIME-WAIT (RFC 6191)") \
	X(TcpSackBlocksIn, "SACK blocks received") \
	X(TcpExtTCPSACKDiscard, "SACK blocks ignored because they are not valid") \
	X(TcpSackEdgesIgnored, "edges of SACK blocks ignored because they cut finer than segments") \
	X(SocketOpens, "sockets allocated") \
	X(SocketCloses, "sockets released") \
	X(SocketNoMemory, "sockets refused for want of memory") \
	X(SocketQuotaRefused, "sockets refused by a quota")
/* clang-format on */

/* P(total, part): a counter is part of one total. */
#define TOYNET_COUNTER_PARTS(P)                        \
	P(IpInHdrErrors, IpInMalformed)                \
	P(IpInHdrErrors, IpExtInCsumErrors)            \
	P(IpInDiscards, IpInMartians)                  \
	P(IpInDiscards, IpInSourceRoutes)              \
	P(IpInDiscards, IpInBadOffload)                \
	P(IpFragFails, IpOutFragNeeded)                \
	P(IpFragFails, IpFragQueueDrops)               \
	P(IcmpInErrors, IcmpInMalformed)               \
	P(IcmpInErrors, IcmpInCsumErrors)              \
	P(UdpInErrors, UdpInMalformed)                 \
	P(UdpInErrors, UdpInCsumErrors)                \
	P(UdpInErrors, UdpInNoCsums)                   \
	P(UdpInErrors, UdpRcvbufErrors)                \
	P(UdpInErrors, UdpMemErrors)                   \
	P(UdpInErrors, UdpInShut)                      \
	P(TcpInErrs, TcpInMalformed)                   \
	P(TcpInErrs, TcpInBadOptions)                  \
	P(TcpInErrs, TcpInGroup)                       \
	P(TcpInErrs, TcpInCsumErrors)                  \
	P(TcpExtListenDrops, TcpExtListenOverflows)    \
	P(TcpExtListenDrops, TcpExtTCPReqQFullDrop)    \
	P(TcpExtListenDrops, TcpListenNoMemory)        \
	P(TcpSpuriousRecoveries, TcpExtTCPFullUndo)    \
	P(TcpSpuriousRecoveries, TcpExtTCPDSACKUndo)   \
	P(TcpSpuriousRecoveries, TcpExtTCPLossUndo)    \
	P(TcpExtTCPAbortOnTimeout, TcpRetransmitDrops) \
	P(TcpExtTCPAbortOnTimeout, TcpKeepaliveDrops)  \
	P(TcpExtTCPAbortOnTimeout, TcpUserTimeouts)    \
	P(TcpExtTCPAbortOnTimeout, TcpPersistDrops)    \
	P(TcpExtTCPAbortOnData, TcpLingerAborts)       \
	P(TcpExtTCPAbortOnData, TcpDataAfterClose)

/* P(name, counter): the same figure under the name that nstat has for it as well. */
#define TOYNET_COUNTER_ALIASES(P)               \
	P(IcmpMsgInType0, IcmpInEchoReps)       \
	P(IcmpMsgInType3, IcmpInDestUnreachs)   \
	P(IcmpMsgInType4, IcmpInSrcQuenchs)     \
	P(IcmpMsgInType5, IcmpInRedirects)      \
	P(IcmpMsgInType8, IcmpInEchos)          \
	P(IcmpMsgInType11, IcmpInTimeExcds)     \
	P(IcmpMsgInType12, IcmpInParmProbs)     \
	P(IcmpMsgInType13, IcmpInTimestamps)    \
	P(IcmpMsgInType14, IcmpInTimestampReps) \
	P(IcmpMsgInType17, IcmpInAddrMasks)     \
	P(IcmpMsgInType18, IcmpInAddrMaskReps)  \
	P(IcmpMsgOutType0, IcmpOutEchoReps)     \
	P(IcmpMsgOutType3, IcmpOutDestUnreachs) \
	P(IcmpMsgOutType8, IcmpOutEchos)        \
	P(IcmpMsgOutType11, IcmpOutTimeExcds)   \
	P(IcmpMsgOutType12, IcmpOutParmProbs)   \
	P(TcpExtTCPReqQFullDoCookies, TcpExtSyncookiesSent)

/* G(gauge): see stack_stats. */
#define TOYNET_GAUGES(G)   \
	G(IpForwarding)    \
	G(IpDefaultTTL)    \
	G(TcpRtoAlgorithm) \
	G(TcpRtoMin)       \
	G(TcpRtoMax)       \
	G(TcpMaxConn)      \
	G(TcpCurrEstab)

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

enum counter_kind {
	COUNTER_EVENTS, /* grows by one for each event */
	COUNTER_TOTAL,  /* grows: the sum of its parts, or another name of a counter */
	COUNTER_GAUGE,  /* what is so now: may fall */
	COUNTER_KINDS
};

/* One of the rows of TOYNET_COUNTER_PARTS, then of TOYNET_COUNTER_ALIASES. */
struct counter_part {
	enum counter total, part;
};

extern const struct counter_part counter_parts[];
extern const size_t counter_parts_count;

enum counter_kind counter_kind(enum counter c);
/* The total whose part it is (not the alias); CNT_COUNT: of none. */
enum counter counter_part_of(enum counter c);
/* Adds every part to its total. For a copy of what was counted: twice would be too much. */
void counters_add_up(struct counters *c);

#endif
