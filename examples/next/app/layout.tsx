import type { Metadata } from 'next';
import type { ReactNode } from 'react';
import { currentUser } from './session';
import { Tickets } from './tickets';

export const metadata: Metadata = { title: 'Chat', icons: 'data:,' };

export default async function Layout({ children }: { children: ReactNode }) {
  const user = await currentUser();
  return (
    <html lang="en">
      <body>
        <Tickets login={user.id}>{children}</Tickets>
      </body>
    </html>
  );
}
