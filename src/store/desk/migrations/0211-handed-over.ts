// SPDX-License-Identifier: Apache-2.0

/** An alert that was nobody's ends in its owner's own of the same host, and its claims go there with it. */
export const handedOver: readonly string[] = ["GRANT UPDATE ON alert_detections TO layang_desk"];
