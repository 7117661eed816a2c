import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { apiKey, forgetKey, isLocked } from './core/api.ts';
import { liveState } from './core/live.ts';
import { linkTo, path } from './core/router.ts';
import { canWrite, runtime } from './core/store.ts';
import { nextTheme, theme } from './core/theme.ts';
import { Attention } from './pages/attention.tsx';
import { LoginPage } from './pages/login-page.tsx';
import { WorkerControl } from './pages/worker-control.tsx';
import { ROUTES } from './routes.tsx';
import { QuestionDialog, Toasts } from './ui/overlay.tsx';

/** The whole of it: what is always there, and the page that the address names. */
export function App(): JSX.Element {
  if (isLocked.value) return <LoginPage />;
  const [name = ''] = path.value;
  const Page = ROUTES.find((route) => route.name === name)?.page ?? NoSuchPage;
  return (
    <>
      <button type="button" class="button skip" onClick={skipToMain}>
        Skip to the page
      </button>
      <header class="top">
        <a class="brand" href={linkTo([])}>
          Syncline
        </a>
        <nav aria-label="Pages">
          {ROUTES.map(
            (route) =>
              route.label !== undefined && (
                <a key={route.name} href={linkTo([route.name])} aria-current={isCurrent(route.name, name)}>
                  {route.label}
                </a>
              ),
          )}
        </nav>
        <div class="top-right">
          <WorkerControl />
          <LiveDot />
          <button
            type="button"
            class="button quiet"
            onClick={nextTheme}
            title="Light, dark, or as the system has it"
          >
            Theme: {theme.value === 'system' ? 'auto' : theme.value}
          </button>
          {apiKey.value !== undefined && (
            <button type="button" class="button quiet" onClick={forgetKey}>
              Log out
            </button>
          )}
        </div>
      </header>
      <Attention />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
      <Toasts />
      <QuestionDialog />
    </>
  );
}

/** A dataset's page belongs to the datasets. */
function isCurrent(routeName: string, name: string): 'page' | undefined {
  return routeName === name || (routeName === '' && name === 'datasets') ? 'page' : undefined;
}

function skipToMain(): void {
  document.getElementById('main')?.focus();
}

function LiveDot(): JSX.Element {
  const isLive = liveState.value === 'live';
  return (
    <span class={`live ${isLive ? 'on' : ''}`} title={isLive ? 'What you see is live' : 'Not connected'}>
      {isLive ? 'live' : 'offline'}
      {runtime.value !== undefined && !canWrite.value && ' · read only'}
    </span>
  );
}

function NoSuchPage(): JSX.Element {
  useEffect(() => {
    document.title = 'Syncline';
  }, []);
  return <h1>There is no such page.</h1>;
}
