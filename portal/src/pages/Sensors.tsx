// SPDX-License-Identifier: Apache-2.0
export const Sensors = () => <p>Sensors</p>;
