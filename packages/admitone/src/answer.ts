/** A ticket, a problem or a session takes a few hundred bytes. */
const LONGEST_ANSWER = 65_536;

/** The text of an answer, cut off where it goes on for more than 64 KiB. */
export async function readText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (reader && text.length < LONGEST_ANSWER) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}
