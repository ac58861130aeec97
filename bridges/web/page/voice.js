// Voice records what the person says. The recording is sent when they say so, never by itself.
import { clock } from './player.js';

const rate = 32_000; // bits a second: plenty for speech
const types = ['audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4', 'audio/webm'];
const bars = 60;

// available says whether this page can record: browsers give the microphone to secure pages only.
export function available() {
  return isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia) && typeof MediaRecorder === 'function';
}

export class Voice {
  #on;
  #box = document.getElementById('recorder');
  #mic = document.getElementById('mic');
  #time = document.getElementById('voice-time');
  #levels = [];
  #take = null;
  #longest; // seconds

  // A recording is of two minutes at most, and not larger than most bytes. on.send(blob, seconds) takes a recording, on.fault(text) says why there is none, on.begin() is called before the microphone listens.
  constructor(most, on) {
    this.#on = on;
    // Browsers do not keep to the rate exactly.
    this.#longest = Math.max(1, Math.min(120, Math.floor((most * 8) / rate / 1.5)));
    this.#mic.hidden = false;
    this.#mic.addEventListener('click', () => this.#begin());
    document.getElementById('voice-cancel').addEventListener('click', () => this.#end(false));
    document.getElementById('voice-send').addEventListener('click', () => this.#end(true));
    this.#box.addEventListener('keydown', (e) => {
      if (e.key !== 'Escape') return;
      e.stopPropagation();
      this.#end(false);
    });
  }

  async #begin() {
    if (this.#take) return;
    this.#take = {};
    this.#on.begin();
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
      this.#take = record(stream);
    } catch (e) {
      this.#take = null;
      const denied = e.name === 'NotAllowedError' || e.name === 'SecurityError';
      this.#on.fault(denied ? 'The microphone is not allowed for this page. You can change that in the browser’s settings for this site.'
        : e.name === 'NotFoundError' ? 'There is no microphone.' : 'The microphone could not be used.');
      return;
    }
    this.#take.recorder.addEventListener('stop', () => this.#stopped(this.#take), { once: true });
    this.#show(true);
    this.#levels = [];
    this.#tick();
    this.#take.timer = setInterval(() => this.#tick(), 100);
    document.getElementById('voice-send').focus();
  }

  #tick() {
    const take = this.#take;
    const seconds = (performance.now() - take.since) / 1000;
    this.#time.textContent = `${clock(seconds)} / ${clock(this.#longest)}`;
    this.#levels.push(take.level());
    this.#draw();
    if (seconds < this.#longest) return;
    clearInterval(take.timer);
    take.seconds = this.#longest;
    if (take.recorder.state === 'recording') take.recorder.stop();
    this.#on.fault('It cannot be longer. Send it, or cancel.');
  }

  #end(send) {
    const take = this.#take;
    if (!take?.recorder) return;
    take.send = send;
    take.seconds ??= (performance.now() - take.since) / 1000;
    if (take.recorder.state === 'inactive') this.#finish(take);
    else take.recorder.stop();
  }

  // stopped: by the person, at the limit, or because the microphone was pulled out; in the last two cases they still choose.
  #stopped(take) {
    clearInterval(take.timer);
    take.release();
    take.seconds ??= (performance.now() - take.since) / 1000;
    if (take.send !== undefined) this.#finish(take);
  }

  #finish(take) {
    clearInterval(take.timer);
    this.#take = null;
    this.#show(false);
    this.#mic.focus();
    const blob = new Blob(take.parts, { type: take.recorder.mimeType || types[0] });
    if (take.send && blob.size && take.seconds >= 0.4) this.#on.send(blob, Math.max(1, Math.round(take.seconds)));
    else if (take.send) this.#on.fault('That was too short to hear.');
  }

  #show(recording) {
    this.#box.hidden = !recording;
    this.#mic.closest('.box').hidden = recording;
  }

  #draw() {
    const canvas = document.getElementById('voice-level');
    const area = canvas.getContext('2d');
    const { width, height } = canvas;
    area.clearRect(0, 0, width, height);
    area.fillStyle = getComputedStyle(canvas).color;
    const shown = this.#levels.slice(-bars);
    shown.forEach((level, i) => {
      const bar = Math.max(4, level * height);
      area.fillRect(width - (shown.length - i) * (width / bars), (height - bar) / 2, width / bars - 4, bar);
    });
  }
}

// record begins to record what stream hears.
function record(stream) {
  const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, { mimeType, audioBitsPerSecond: rate });
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const take = { recorder, parts: [], since: performance.now() };
  take.level = () => {
    analyser.getFloatTimeDomainData(samples);
    const loud = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
    return Math.min(1, loud * 5);
  };
  take.release = () => {
    stream.getTracks().forEach((track) => track.stop());
    context.close();
  };
  recorder.addEventListener('dataavailable', (e) => e.data.size && take.parts.push(e.data));
  recorder.start(1000);
  return take;
}
