// SPDX-License-Identifier: Apache-2.0
export const Source = () => <p>Source</p>;
