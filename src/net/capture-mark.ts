// SPDX-License-Identifier: Apache-2.0

/**
 * Stands in a pcap file's header where other programs write 0 and readers look past it (`sigfigs`, Reserved2): these packets were invented. What a
 * tool rewrites has lost it.
 */
export const simulatedMark = 0x5357414c;
