// SPDX-License-Identifier: Apache-2.0

/**
 * A sensor's name, wherever one is given. It is a key of evidence that is written as JSON: what every object has already is none
 * (`constructor`; the others have capitals or underscores).
 */
export const sensorName = /^(?!constructor$)[a-z0-9-]{2,32}$/;
