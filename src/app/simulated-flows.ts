// SPDX-License-Identifier: Apache-2.0
import { decode } from "../decode/decode.ts";
import { DarkSet } from "../flow/dark.ts";
import { createFlowTable } from "../flow/table.ts";
import type { ColumnData, FlowBatch } from "../model/flows.ts";
import { decodeCounters, packetBatch } from "../model/packets.ts";
import type { PacketBatch } from "../model/packets.ts";
import { parsePrefix } from "../net/prefix.ts";
import type { Region } from "../simulate/region.ts";
import { Stream } from "../simulate/stream.ts";
import type { Piece, SensorStream } from "../simulate/stream.ts";
import type { SimulatedSensor } from "../simulate/scenario.ts";
import { gatherBatches } from "./gather-batches.ts";

export interface SimulatedFlows {
  readonly stream: SensorStream;
  /**
   * What the sensor saw in [from, to), as one batch; the packets read, and those of them that made flows (the others have a
   * forged source inside the dark prefixes). The rows lie in flow intervals.
   */
  make(from: number, to: number): { readonly batch: FlowBatch; readonly read: number; readonly counted: number };
}

/**
 * A sensor of a simulated region that hands on flows: by the decoder and flow table of a real one, without the wire. The
 * region's link is raw. `onPiece` is told of every piece of packets before it is decoded.
 */
export const simulatedFlows = (
  region: Region,
  sensor: SimulatedSensor,
  {
    key,
    intervalLength,
    onPiece = () => undefined,
    packets = packetBatch(16_384),
  }: {
    readonly key: Uint8Array;
    readonly intervalLength: number;
    readonly onPiece?: (piece: Piece) => void;
    /** Room for decoded packets, which sensors of one thread may share. */
    readonly packets?: PacketBatch;
  },
): SimulatedFlows => {
  const realm = sensor.realm ?? "";
  const counters = decodeCounters();
  const stream = new Stream(region, sensor, region.epoch);
  const gathered = gatherBatches();
  const table = createFlowTable({
    sensor: sensor.name,
    realm,
    exercise: "",
    intervalLength,
    key,
    dark: new DarkSet(sensor.dark.map((text) => parsePrefix(text)!)),
    capacity: 65_536,
    batchRows: 65_536,
    onFlush: gathered.add,
  });
  const make = (from: number, to: number): { batch: FlowBatch; read: number; counted: number } => {
    const before = table.counters.counted;
    stream.seek(from);
    let read = 0;
    for (let piece = stream.read(to); piece.to > piece.from; piece = stream.read(to)) {
      onPiece(piece);
      const { frames } = piece;
      const raw = {
        linkType: 101,
        count: piece.to - piece.from,
        bytes: frames.bytes,
        offsets: frames.offsets.subarray(piece.from, piece.to),
        captured: frames.lengths.subarray(piece.from, piece.to),
        lengths: frames.lengths.subarray(piece.from, piece.to),
        times: frames.times.subarray(piece.from, piece.to),
      };
      read += raw.count;
      for (let at = 0; at < raw.count;) {
        packets.count = 0;
        at = decode(raw, at, packets, counters);
        table.add(packets);
      }
    }
    table.flush();
    const batch = gathered.take({
      sensor: sensor.name,
      realm,
      exercise: "",
      interval: from,
      intervalLength: to - from,
    });
    return { batch, read, counted: table.counters.counted - before };
  };
  return { stream, make };
};

/** The buffers of a batch, to be given to another thread with it. */
export const buffersOf = (batch: FlowBatch): ArrayBuffer[] =>
  [batch.flows.columns, batch.aggregates.columns].flatMap((columns) =>
    Object.values(columns as Readonly<Record<string, ColumnData>>).flatMap((column) =>
      [column.values, column.present, column.ends].flatMap((array) =>
        array === undefined ? [] : [array.buffer as ArrayBuffer],
      ),
    ),
  );
