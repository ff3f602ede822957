/** Why a Close with this code and reason cannot be sent, if it cannot. */
export function faultOfClose(code: number | undefined, reason: string | undefined): string | undefined {
  if (code !== undefined && code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
    return `code ${code} is neither 1000 nor 3000–4999`;
  const bytes = new TextEncoder().encode(reason).length;
  return bytes > 123 ? `the reason has ${bytes} bytes, 123 at most` : undefined;
}
