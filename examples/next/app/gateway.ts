/** Written into the page by `next build`. */
export const GATEWAY = process.env.NEXT_PUBLIC_GATEWAY ?? 'https://gw.example.com';
