/** A ticket, a problem or a session takes a few hundred bytes. */
const LONGEST_ANSWER = 65_536;

/** Reads a body as text, piece by piece, to its end or until `take` has enough. */
export async function readBody({ body }: Response, take: (text: string) => boolean): Promise<void> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  while (reader) {
    const { done, value } = await reader.read();
    if (done || !take(decoder.decode(value, { stream: true }))) return;
  }
}

/** The text of an answer, cut off where it goes on for more than 64 KiB. */
export async function readText(response: Response): Promise<string> {
  let text = '';
  await readBody(response, (piece) => {
    text += piece;
    return text.length < LONGEST_ANSWER;
  });
  return text;
}
