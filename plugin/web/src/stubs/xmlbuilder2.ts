// The viewer library brings readers of XML files along that the page never
// calls. Their parser needs modules of Node, so that it stays out.

function none(): never {
  throw new Error("the page reads no XML");
}

export const create = none;
export const convert = none;
export const decompressZlib = none;
