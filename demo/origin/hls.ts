// The film as HLS segments (RFC 8216): an endless programme of two-second shots in fragmented MP4, each beginning with a picture
// that needs no other. The film's own key pictures lie up to ten seconds apart, so a shot is what follows one of them;
// the sound runs on. The n-th segment always has the same bytes. Encodes nothing, reads and writes no files.

import { createFile, DataStream, type ISOFile, MP4BoxBuffer, type Sample } from "mp4box";

type Bytes = Uint8Array<ArrayBuffer>;
type Track = ISOFile["moov"]["traks"][number];

export interface Rendition {
  readonly name: string;
  /** Of any one segment, at most, in bits per second. */
  readonly bandwidth: number;
  /** As in RFC 6381. */
  readonly codecs: string;
  readonly width: number;
  readonly height: number;
  readonly init: Bytes;
  /** The n-th of the programme, from 0, as far as anybody wants; a copy of its own. */
  segment(n: number): Bytes;
  /** How long the n-th lasts: a little under two seconds. */
  seconds(n: number): number;
}

/** What segments come near to and never exceed; live channels that mind their delay use as much. */
const SEGMENT_SECONDS = 2;

/**
 * Two renditions of an MP4 with H.264 and AAC: `slides` shows the first picture of every shot, `film` all of them.
 * Their segments begin and end at the same moments. Throws when the film is of another kind.
 */
export function cutFilm(mp4: Bytes): { readonly slides: Rendition; readonly film: Rendition } {
  const file = createFile();
  file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(mp4.slice().buffer, 0), true);
  const { tracks } = file.getInfo();
  const { width = 0, height = 0 } = tracks.find(({ type }) => type === "video")?.video ?? {};
  const codecs = tracks.map(({ codec }) => codec).join();
  const shots = shotsOf(trackOf(file, "vide"));
  const sound = soundOf(trackOf(file, "soun"));
  const init = initSegment(file);

  function rendition(name: string, pictures: (shot: Shot) => readonly Sample[]): Rendition {
    const seconds = (n: number): number => shotAt(shots, n).seconds;
    function segment(n: number): Bytes {
      const shot = shotAt(shots, n);
      file.nextMoofNumber = 2 * n;
      return joined([
        fragment(file, mp4, moved(pictures(shot), shot.at)),
        fragment(file, mp4, sound(shot.at / shot.timescale, shot.seconds)),
      ]);
    }
    const rates = shots.map((_shot, n) => (segment(n).length * 8) / seconds(n));
    const bandwidth = Math.ceil(Math.max(...rates));
    return { name, bandwidth, codecs, width, height, init, segment, seconds };
  }
  return {
    slides: rendition("slides", ({ still }) => [still]),
    film: rendition("film", ({ pictures }) => pictures),
  };
}

function trackOf(file: ISOFile, kind: "vide" | "soun"): Track {
  const found = file.moov.traks.find(({ mdia }) => mdia.hdlr.handler === kind);
  if (found === undefined) throw new Error(`The film has no track of kind "${kind}".`);
  return found;
}

interface Shot {
  /** In decoding order, as they lie in the film. */
  readonly pictures: readonly Sample[];
  /** The first one, shown all the time. */
  readonly still: Sample;
  /** When it begins in the programme's first round; like `duration`, in units of `timescale`. */
  readonly at: number;
  readonly duration: number;
  readonly timescale: number;
  readonly seconds: number;
}

function shotsOf({ samples }: Track): readonly Shot[] {
  const shots: Shot[] = [];
  let at = 0;
  for (const [index, first] of samples.entries()) {
    const pictures = first.is_sync ? wholeShot(first, samples.slice(index)) : undefined;
    if (pictures === undefined) continue;
    const { timescale } = first;
    const duration = pictures.length * first.duration;
    const still = { ...first, duration };
    shots.push({ pictures, still, at, duration, timescale, seconds: duration / timescale });
    at += duration;
  }
  if (shots.length === 0) throw new Error("The film has nothing that a segment could begin with.");
  return shots;
}

/** As many as fit into a segment without a hole: pictures are stored in another order than they are shown in. */
function wholeShot(first: Sample, following: readonly Sample[]): readonly Sample[] | undefined {
  const most = Math.floor((SEGMENT_SECONDS * first.timescale) / first.duration);
  for (let count = Math.min(most, following.length); count > most / 2; count--) {
    const pictures = following.slice(0, count);
    const end = first.cts + count * first.duration;
    if (pictures.every(({ cts }) => cts >= first.cts && cts < end)) return pictures;
  }
  return undefined;
}

/** The programme is all shots in turn, again and again. */
function shotAt(shots: readonly Shot[], n: number): Shot {
  const shot = shots[n % shots.length];
  if (shot === undefined) throw new RangeError(`There is no segment ${n}.`);
  const round = shots.reduce((sum, { duration }) => sum + duration, 0);
  return { ...shot, at: shot.at + Math.floor(n / shots.length) * round };
}

/** The same pictures at another time, where the first is shown when it is decoded. */
function moved(pictures: readonly Sample[], at: number): Sample[] {
  const { dts, cts } = pictures[0] ?? { dts: 0, cts: 0 };
  return pictures.map((one) => ({ ...one, dts: one.dts - dts + at, cts: one.cts - cts + at }));
}

/** The film's sound again and again: gives the frames that begin in a time. All AAC frames are equally long. */
function soundOf({ samples }: Track): (from: number, seconds: number) => Sample[] {
  const { duration = 1, timescale = 1 } = samples[0] ?? {};
  // The end of one span and the beginning of the next are the same number, whatever the division leaves behind.
  const firstFrom = (at: number): number => Math.ceil((at * timescale) / duration - 1e-6);
  return (from, seconds) => {
    const frames: Sample[] = [];
    for (let at = firstFrom(from); at < firstFrom(from + seconds); at++) {
      const frame = samples[at % samples.length];
      if (frame !== undefined) frames.push({ ...frame, dts: at * duration, cts: at * duration });
    }
    return frames;
  };
}

function initSegment(file: ISOFile): Bytes {
  const { mvhd, traks } = file.moov;
  mvhd.duration = 0;
  for (const trak of traks) {
    trak.tkhd.duration = 0;
    trak.mdia.mdhd.duration = 0;
    // Edit lists speak of the film's times, and the programme has its own.
    trak.boxes = (trak.boxes ?? []).filter(({ type }) => type !== "edts");
    file.setSegmentOptions(trak.tkhd.track_id, undefined, {});
  }
  // What the library asks for before it writes an init segment; nothing is handed to it.
  file.onSegment = () => {};
  return new Uint8Array(file.initializeSegmentation("combined").buffer.slice(0));
}

/** Size and name. */
const BOX_HEADER_BYTES = 8;

/** One `moof` with its `mdat` (ISO/IEC 14496-12, 8.8). */
function fragment(file: ISOFile, mp4: Bytes, samples: Sample[]): Bytes {
  const moof = file.createMoof(samples);
  const run = moof.trafs[0]?.truns[0];
  if (run === undefined) throw new Error("A fragment has at least one sample.");
  // Offsets from decoding to showing may be negative.
  run.version = 1;
  moof.computeSize();
  run.data_offset = moof.size + BOX_HEADER_BYTES;
  const stream = new DataStream();
  moof.write(stream);
  const media = samples.map(({ offset, size }) => mp4.subarray(offset, offset + size));
  stream.writeUint32(BOX_HEADER_BYTES + media.reduce((sum, { length }) => sum + length, 0));
  stream.writeString("mdat");
  return joined([new Uint8Array(stream.buffer), ...media]);
}

function joined(parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}
