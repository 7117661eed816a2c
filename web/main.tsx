import { render } from 'preact';
import { App } from './app.tsx';
import { startTelling } from './core/actions.ts';
import { startLive } from './core/live.ts';
import { startStore } from './core/store.ts';
import './style/main.css';

const root = document.getElementById('app');
if (root === null) throw new Error('The page has no place for the dashboard.');
startStore();
startTelling();
startLive();
render(<App />, root);
